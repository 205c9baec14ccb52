// Package tally has what loops count with beyond plain numbers: a histogram that one
// thread adds to, without a lock, and others read as a copy.
//
// It is a package of its own because proxy and drop both count with it and neither knows
// the other; the metrics library is not used on the loops, since its counters are shared
// between threads.
package tally

// Package judge is what the benchmarks say of their rounds: the median with how far the
// rounds lay apart, and whether a ratio is what was promised. They measure different things
// and share nothing else.
package judge

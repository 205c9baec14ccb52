// Package bench measures on this machine what it costs to move a byte by each method:
// file → socket, socket → socket and socket → file, by copying, mapping, sendfile and
// splice. It is what `relay bench` runs; package bench/report says what came out.
//
// It has a place of its own because it stands on the same things as a session does
// (flow, loop, pipepool) and below nothing but the command line: the movers, gates,
// pipes and loops that it measures are the product's, and its lanes do what drop.Conn
// and proxy.Session do with them. Its own is the baseline, the plain read+write loop
// that everything is held against (bare.go).
//
// # Who runs
//
//	parent ── plan, rounds, progress
//	  ├── feeder   sends the file by sendfile to whoever asks: the source of socket → …
//	  ├── worker   does one measurement at a time, and measures itself
//	  └── sink     throws away what comes, and checks it; or one on another host
//
// All are this program again, each with one thread that works. The bytes are a pattern
// in which every word says where it is, so one that is lost or comes twice shifts all
// that follow. Before anything is timed each method sends once to a sink that compares
// every byte; in timed runs the sink throws away unread (MSG_TRUNC) all but eight bytes
// of each MiB, which it compares, and counts the rest.
//
// # What is measured
//
// Between the first call of the work and the sink's word that every byte has come, in
// the worker alone: the CPU clock of the process, which is the exact run time of all its
// threads; getrusage(2) for switches and faults; the calls that package sock makes,
// counted where they are made. User and system time are that run time, split in the
// proportion that getrusage tells, which most kernels sample at each tick: the split of
// one short run is rough, so reports add up the rounds first. What Go's runtime calls to
// park a thread is in the CPU time and not among the system calls.
//
// Start with method.go, then run.go (one measurement) and send.go (the simplest lane).
package bench

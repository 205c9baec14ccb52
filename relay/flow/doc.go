// Package flow moves bytes: one direction, from a source to a sink, through a pipe in
// the kernel or through one small shared buffer.
//
// A Flow is the state of one direction and belongs to a session; a Mover is what one
// loop lends to all its flows: the shared buffer, the pipes, the counters. A flow's
// step, Move, runs one bounded turn and says how it ended. It never waits, never
// registers anything and never closes anything: the session does, from the Status.
//
// The rules, each found by measurement:
//
//   - Small messages are copied (recv and send through the shared buffer): a pipe costs
//     two more calls than it saves. A read that fills the buffer means that more is
//     there: then the rest is spliced at once, and the next wake begins with a splice,
//     until one moves so little that copying is cheaper again.
//   - When a turn is over nothing of the payload is in user space: what a blocked sink
//     did not take waits in a pipe. Only when no pipe can be had does it wait in a
//     pooled buffer, and nothing is read until it is gone.
//   - A pipe is held only while it holds bytes.
//   - EAGAIN from a fill means "drained" only if the pipe was empty. A pipe's room is
//     counted in slots, not bytes, so room is never computed: the kernel is asked.
//   - An error belongs to the end it was seen on, not to the flow: one send consumes a
//     pending ECONNRESET, and the read after it would take the stream for complete.
//
// A Sender is the Mover's other half: flows whose source is a file (file.go). The four
// ways of sending one (ways.go) differ in a single step. Before each step the page cache
// is asked (gate.go), and where a disk would have to be waited for the step is done by a
// worker (disk.go), which owns file, pipe and socket until it reports: Status Pending. A
// Receiver is the same the other way round, for flows whose sink is a file (store.go);
// putting bytes into a file (intake.go) is always a worker's.
//
// A body in chunks is decoded by chunked.go; a flow that goes to another process is put
// into plain values by plain.go.
//
// Start with flow.go, then copy.go and splice.go, the two ways of a turn.
package flow

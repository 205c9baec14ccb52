// Package pipepool makes kernel pipes and lends them.
//
// A pipe is the in-kernel buffer between the two halves of a splice. It is large
// (few large pipes move bulk at half the cost of many small ones), so it is lent
// only while it holds bytes or is being filled and flushed, and one serves many
// flows in turn. Lending is last in, first out: the pipe used last is the one whose
// kernel memory is still in the cache.
//
// A Pool belongs to one event loop and takes no lock. The pools of a process share
// one Budget, a count of bytes of pipe capacity. Whoever finds no pipe copies
// instead: slower, never an error.
//
// A Pipe is lent empty and is taken back empty. One that still holds bytes when its
// user ends is closed: what is in it must never reach a stranger.
//
// The package knows no session, no socket and no log. Start with pool.go.
package pipepool

package flow

import (
	"math"

	"golang.org/x/sys/unix"

	"relay/pipepool"
	"relay/relay/sock"
)

// Kind is what an end's descriptor is.
type Kind uint8

// TCP knows resets; Unix is any stream socket that does not.
const (
	TCP Kind = iota
	Unix
)

// End is one side of a session: a stream socket and what has been learnt of it. The
// session owns the descriptor.
type End struct {
	FD   int
	Kind Kind
	Err  sock.Errno // the first error seen, in either direction
}

func (e *End) fail(errno sock.Errno) {
	if e.Err == 0 {
		e.Err = errno
	}
}

// Status is how a turn of a flow ended.
type Status uint8

// What the session does with each is in the comment.
const (
	Moved        Status = iota // bytes went through; there may be more: stay readable
	Drained                    // the source has nothing now: wait for it
	Blocked                    // the sink is full and bytes are held: wait for the sink only
	Ended                      // the source ended and every byte is delivered: pass the end on
	Pending                    // a disk job is out and owns pipe and file until it reports
	SourceFailed               // the source's End.Err says why; what came before it is delivered
	SinkFailed                 // the sink's End.Err says why; what was held is lost
)

// Unlimited is the Remain of a flow that ends when its source does.
const Unlimited = math.MaxInt64

// Flow is one direction of bytes. The zero value with Remain set is ready.
type Flow struct {
	Moved     uint64 // bytes the sink has taken
	Remain    int64  // bytes still to be taken from the source; at 0 the flow has Ended
	Chunk     int    // most bytes one turn splices
	pipe      *pipepool.Pipe
	kept      *kept  // bytes that found no pipe; they follow what is in pipe
	flushed   uint32 // what the last flush moved, for the day when pipes run low
	streaming bool   // the last wake was worth a pipe: begin the next with a splice
	unfit     bool   // splice refuses one of the ends: copy for good
	ended     bool   // nothing more comes from the source
}

// Holds reports that bytes taken from the source have not reached the sink.
func (f *Flow) Holds() bool { return f.pipe != nil || f.kept != nil }

// Over reports that the flow moves nothing any more, whether it was delivered or
// discarded.
func (f *Flow) Over() bool { return f.ended && !f.Holds() }

// Streams reports that the next turn of the flow is a long one: it splices.
func (f *Flow) Streams() bool { return f.streaming || f.pipe != nil }

// CanFill reports that the flow would take bytes from its source now.
func (f *Flow) CanFill() bool { return !f.ended && !f.Holds() }

// took counts n bytes taken from the source.
func (f *Flow) took(n int) {
	if f.Remain != Unlimited {
		f.Remain -= int64(n)
	}
}

// Mode says when a flow may leave copying for splicing.
type Mode uint8

// Auto decides wake by wake; the others pin it.
const (
	Auto Mode = iota
	Always
	Never
)

// Mover is what the flows of one loop share. It is not safe for concurrent use.
type Mover struct {
	Mode    Mode
	Pool    *pipepool.Pool
	Copied  uint64 // bytes delivered through user space
	Spliced uint64 // bytes delivered without
	budget  int64  // bytes that this turn may still take
	buf     []byte
	spare   []*kept
	sys     system
}

// NewMover makes the mover of one loop; copyChunk is the size of the shared buffer in
// bytes.
func NewMover(mode Mode, pool *pipepool.Pool, copyChunk int) *Mover {
	return &Mover{Mode: mode, Pool: pool, buf: make([]byte, copyChunk), budget: Unlimited, sys: kernel}
}

// Buffer is the loop's shared buffer, for whoever needs scratch space within one turn.
func (m *Mover) Buffer() []byte { return m.buf }

// system is the seam at which tests put short splices, EAGAIN and errors.
type system struct {
	recv   func(fd int, p []byte) (int, sock.Errno)
	send   func(fd int, p []byte, more bool) (int, sock.Errno)
	splice func(from, to, max int) (int, sock.Errno)
	write  func(fd int, p []byte) (int, sock.Errno)
}

var kernel = system{recv: sock.Recv, send: sock.Send, splice: sock.Splice, write: sock.WritePipe}

// Move runs one turn of f: what is held goes first, then at most one copy and one
// round of splicing, so that no flow can keep the loop to itself. When it returns
// Moved, more may be waiting; level-triggered epoll will say so.
func (m *Mover) Move(f *Flow, src, dst *End) Status {
	m.budget = Unlimited
	return m.move(f, src, dst)
}

// MoveWithin is Move for a flow with a rate: it takes at most budget bytes from the
// source, and says how many it took. With no budget it still delivers what is held and
// tells an end that is known.
func (m *Mover) MoveWithin(f *Flow, src, dst *End, budget int64) (st Status, took int64) {
	m.budget = budget
	st = m.move(f, src, dst)
	return st, budget - m.budget
}

func (m *Mover) move(f *Flow, src, dst *End) Status {
	if f.Holds() {
		if st := m.flush(f, dst); st != Moved {
			return st
		}
	}
	if f.ended || f.Remain == 0 {
		return m.end(f, src)
	}
	if m.budget == 0 {
		return Moved
	}
	if f.streaming || m.Mode == Always {
		return m.stream(f, src, dst, true)
	}
	return m.copy(f, src, dst, m.Mode == Auto && !f.unfit)
}

// Discard drops what the flow holds; a pipe with bytes in it is closed, not pooled.
func (m *Mover) Discard(f *Flow) {
	f.ended = true
	m.release(f)
	if f.kept != nil {
		m.putKept(f)
	}
}

// Detach prepares a flow to leave this mover, with what it holds, for another.
func (m *Mover) Detach(f *Flow) {
	if f.pipe != nil {
		m.Pool.Release(f.pipe)
	}
}

// Attach takes over a flow that another mover has detached.
func (m *Mover) Attach(f *Flow) {
	if f.pipe != nil {
		m.Pool.Adopt(f.pipe)
	}
}

// end is reached when nothing more comes and nothing is held. A source whose error was
// consumed by a send reads as a clean end: its End remembers.
func (m *Mover) end(f *Flow, src *End) Status {
	f.ended = true
	if src.Err != 0 {
		return SourceFailed
	}
	return Ended
}

// refused sorts a source's errno.
func (m *Mover) refused(f *Flow, src *End, errno sock.Errno) Status {
	if errno == unix.EAGAIN {
		return Drained
	}
	src.fail(errno)
	f.ended = true
	return SourceFailed
}

func (m *Mover) release(f *Flow) {
	if f.pipe != nil {
		m.Pool.Put(f.pipe)
		f.pipe = nil
	}
}

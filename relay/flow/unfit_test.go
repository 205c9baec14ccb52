package flow

import (
	"testing"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

var refusals = []sock.Errno{unix.EINVAL, unix.ENOSYS}

// A source that knows no splice is copied from in the same turn, and for good.
func TestSourceThatRefusesSplice(t *testing.T) {
	for _, errno := range refusals {
		for _, mode := range []Mode{Auto, Always} {
			d := shape{mode: mode}.make(t)
			calls := 0
			d.sys.splice = func(from, to, n int) (int, sock.Errno) { calls++; return 0, errno }
			msg := piece(0, 0, 5*testChunk)
			d.send(0, msg)
			for d.flows[0].Moved < uint64(len(msg)) {
				d.want(d.moveReady(0), Moved)
			}
			d.wantBytes(1, msg)
			if calls != 1 || d.Pool.Lent() != 0 || d.Spliced != 0 {
				t.Errorf("%v, mode %d: %d splices, %d pipes lent", error(errno), mode, calls, d.Pool.Lent())
			}
		}
	}
}

// A sink that refuses when the bytes are in the pipe already gets them by send, in
// order, and the flow copies from then on.
func TestSinkThatRefusesSplice(t *testing.T) {
	for _, errno := range refusals {
		for _, mode := range []Mode{Auto, Always} {
			d := shape{mode: mode}.make(t)
			flushes := 0
			d.sys.splice = func(from, to, n int) (int, sock.Errno) {
				if to == d.ends[1].FD {
					flushes++
					return 0, errno
				}
				return kernel.splice(from, to, n)
			}
			msg := piece(0, 0, 5*testChunk)
			d.send(0, msg)
			for d.flows[0].Moved < uint64(len(msg)) {
				d.want(d.moveReady(0), Moved)
			}
			d.wantBytes(1, msg)
			if flushes != 1 || d.Pool.Lent() != 0 || d.Pool.Idle() != 1 {
				t.Errorf("%v, mode %d: %d flushes, %d pipes lent, %d idle", error(errno), mode, flushes, d.Pool.Lent(), d.Pool.Idle())
			}
		}
	}
}

// The sink refuses splice and is full as well: all of it is kept, pipe before buffer.
func TestUnspliceToAFullSink(t *testing.T) {
	const pipe = 4 << 10
	d := shape{pipeSize: pipe, copyChunk: 16 << 10, buffer: 32 << 10}.make(t)
	zeros := d.stuff(0)
	msg := piece(0, 0, 3*pipe)
	d.send(0, msg)
	d.want(d.move(0), Blocked) // in a pipe and a buffer
	d.sys.splice = func(from, to, n int) (int, sock.Errno) { return 0, unix.EINVAL }
	d.want(d.move(0), Blocked)
	f := &d.flows[0]
	if f.pipe != nil || f.kept == nil || f.CanFill() || d.Pool.Idle() != 1 {
		t.Errorf("after a refused flush the flow holds %s, %d pipes idle", d.held(0), d.Pool.Idle())
	}
	d.receive(1, zeros)
	d.want(d.move(0), Drained)
	d.wantBytes(1, msg)
	if f.Moved != uint64(len(msg)) {
		t.Errorf("%d bytes counted, want %d", f.Moved, len(msg))
	}
}

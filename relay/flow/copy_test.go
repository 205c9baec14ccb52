package flow

import (
	"testing"
)

// A small message costs one recv and one send, no pipe, and no second look.
func TestSmallMessagesAreCopied(t *testing.T) {
	for _, mode := range []Mode{Auto, Never} {
		d := shape{mode: mode}.make(t)
		for i := range 3 {
			msg := piece(0, int64(100*i), testChunk-1)
			d.send(0, msg)
			d.want(d.move(0), Moved)
			d.wantBytes(1, msg)
		}
		if c := d.calls; c.recv != 3 || c.send != 3 || c.splice != 0 {
			t.Errorf("mode %d: calls %+v for three messages", mode, c)
		}
		if d.Pool.Lent()+d.Pool.Idle() != 0 || d.Copied != 3*(testChunk-1) || d.Spliced != 0 {
			t.Errorf("mode %d: %d pipes, %d copied, %d spliced", mode, d.Pool.Lent()+d.Pool.Idle(), d.Copied, d.Spliced)
		}
		d.want(d.move(0), Drained)
	}
}

// What a blocked sink does not take waits in a pipe, not in user space.
func TestKeepsInAPipe(t *testing.T) {
	d := shape{buffer: 8 << 10}.make(t)
	zeros := d.stuff(0)
	msg := piece(0, 0, 3000)
	d.send(0, msg)
	d.want(d.move(0), Blocked)
	f := &d.flows[0]
	if f.pipe == nil || f.kept != nil || f.pipe.Bytes != len(msg) || f.CanFill() {
		t.Errorf("the flow holds %s", d.held(0))
	}
	d.want(d.move(0), Blocked) // still
	d.receive(1, zeros)
	d.want(d.move(0), Drained)
	d.wantBytes(1, msg)
	if f.Holds() || d.Pool.Idle() != 1 || f.Moved != uint64(len(msg)) {
		t.Errorf("holds %v, %d pipes idle, %d moved", f.Holds(), d.Pool.Idle(), f.Moved)
	}
}

// Without a pipe it waits in a buffer, and nothing is read until that is gone.
func TestKeepsInABuffer(t *testing.T) {
	d := shape{budget: -1, buffer: 8 << 10}.make(t)
	for round := range 3 {
		zeros := d.stuff(0)
		msg := piece(round, 0, 3000)
		d.send(0, msg)
		d.want(d.move(0), Blocked)
		f := &d.flows[0]
		if f.pipe != nil || f.kept == nil || f.CanFill() || len(d.spare) != 0 {
			t.Fatalf("the flow holds %s, %d buffers are spare", d.held(0), len(d.spare))
		}
		recvs := d.calls.recv
		d.want(d.move(0), Blocked)
		if d.calls.recv != recvs {
			t.Error("the source was read while bytes were kept")
		}
		d.receive(1, zeros)
		d.want(d.move(0), Drained)
		d.wantBytes(1, msg)
		if len(d.spare) != 1 {
			t.Errorf("%d buffers are spare, want the one that every round used", len(d.spare))
		}
	}
}

// A pipe too small for the rest of the buffer is followed by a kept one, in that order.
func TestKeepsInAPipeThenABuffer(t *testing.T) {
	const chunk, pipe = 16 << 10, 4 << 10
	d := shape{pipeSize: pipe, copyChunk: chunk, buffer: 32 << 10}.make(t)
	zeros := d.stuff(0)
	msg := piece(0, 0, chunk-1)
	d.send(0, msg)
	d.want(d.move(0), Blocked)
	f := &d.flows[0]
	if f.pipe == nil || f.kept == nil || f.pipe.Bytes != pipe || len(f.kept.buf) != len(msg)-pipe {
		t.Fatalf("the flow holds %s", d.held(0))
	}
	d.receive(1, zeros)
	d.want(d.move(0), Drained)
	d.wantBytes(1, msg)
}

// Spare buffers are bounded: a shortage with thousands of flows ends some day.
func TestSpareBuffersAreBounded(t *testing.T) {
	d := shape{budget: -1}.make(t)
	flows := make([]Flow, sparesMax+10)
	for i := range flows {
		d.keep(&flows[i], []byte("x"))
	}
	for i := range flows {
		d.Discard(&flows[i])
	}
	if len(d.spare) != sparesMax {
		t.Errorf("%d spare buffers, want %d", len(d.spare), sparesMax)
	}
}

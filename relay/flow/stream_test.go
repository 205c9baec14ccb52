package flow

import (
	"testing"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// A read that fills the buffer means more is there: the rest is spliced in the same
// turn, and the next wake begins with a splice.
func TestFullBufferUpgrades(t *testing.T) {
	const n = 3 * testChunk
	for _, c := range []struct {
		mode            Mode
		copied, spliced uint64
	}{
		{Auto, testChunk, n - testChunk},
		{Always, 0, n},
		{Never, testChunk, 0},
	} {
		d := shape{mode: c.mode}.make(t)
		d.send(0, piece(0, 0, n))
		d.want(d.move(0), Moved)
		d.wantBytes(1, piece(0, 0, int(c.copied+c.spliced)))
		if d.Copied != c.copied || d.Spliced != c.spliced {
			t.Errorf("mode %d: %d copied, %d spliced; want %d and %d", c.mode, d.Copied, d.Spliced, c.copied, c.spliced)
		}
		if d.Pool.Lent() != 0 {
			t.Errorf("mode %d: an empty pipe is held", c.mode)
		}
	}
}

// copy → splice → copy: a wake that fills less than half of the buffer lets the next one
// copy, and a full buffer brings splicing back.
func TestSwitchesThereAndBack(t *testing.T) {
	d := shape{}.make(t)
	offset := int64(0)
	for i, c := range []struct {
		n       int
		splices int // calls; a fill and a flush for each pipeful
	}{
		{100, 0},           // copied
		{testChunk, 1},     // the full buffer upgrades, and the fill finds nothing
		{testChunk, 2},     // streaming
		{testChunk / 2, 2}, // still
		{testChunk/2 - 1, 2},
		{testChunk - 1, 0},   // that was small: copied
		{2 * testChunk, 2},   // upgraded
		{testChunk/2 - 1, 2}, // small again
		{testChunk/2 - 1, 0}, // copied
		{testChunk + 1, 2},   // upgraded
		{4 * testChunk, 2},   // streaming
		{1, 2},
		{1, 0},
		{1, 0}, // a keystroke each
	} {
		d.calls.splice = 0
		d.send(0, piece(0, offset, c.n))
		d.moveAll(0)
		d.wantBytes(1, piece(0, offset, c.n))
		offset += int64(c.n)
		if d.calls.splice != c.splices {
			t.Errorf("wake %d of %d bytes: %d splices, want %d", i, c.n, d.calls.splice, c.splices)
		}
	}
}

// moveAll runs one turn as one wake would; all that was sent must be there already.
func (d *duplex) moveAll(i int) {
	d.t.Helper()
	if st := d.move(i); st != Moved && st != Drained {
		d.t.Fatalf("status %d", st)
	}
}

// A kernel that moves a few bytes at a time loses none.
func TestShortSplices(t *testing.T) {
	for _, most := range []int{1, 7, 1000} {
		d := shape{mode: Always}.make(t)
		d.sys.splice = func(from, to, n int) (int, sock.Errno) { return kernel.splice(from, to, min(n, most)) }
		msg := piece(0, 0, 5000)
		d.send(0, msg)
		for d.flows[0].Moved < uint64(len(msg)) {
			if st := d.move(0); st != Moved && st != Blocked {
				t.Fatalf("status %d with %d bytes moved", st, d.flows[0].Moved)
			}
		}
		d.wantBytes(1, msg)
	}
}

// Without a pipe a flow copies: slower, never an error.
func TestNoPipeCopies(t *testing.T) {
	for _, mode := range []Mode{Auto, Always} {
		d := shape{mode: mode, budget: -1}.make(t)
		msg := piece(0, 0, 5*testChunk+1)
		d.send(0, msg)
		for d.flows[0].Moved < uint64(len(msg)) {
			d.want(d.moveReady(0), Moved)
		}
		d.wantBytes(1, msg)
		if d.Spliced != 0 || d.calls.splice != 0 {
			t.Errorf("mode %d: spliced without a pipe", mode)
		}
	}
}

// EAGAIN into an empty pipe although epoll said readable: a recv in the same turn gets
// past whatever it is.
func TestUnexpectedAgainIsAnsweredWithARecv(t *testing.T) {
	for name, c := range map[string]struct {
		mode      Mode
		streaming bool
	}{"always": {Always, false}, "streaming": {Auto, true}} {
		d := shape{mode: c.mode}.make(t)
		d.flows[0].streaming = c.streaming
		d.sys.splice = func(from, to, n int) (int, sock.Errno) { return 0, unix.EAGAIN }
		d.send(0, []byte("past the mark"))
		d.want(d.move(0), Moved)
		d.wantBytes(1, []byte("past the mark"))
		if d.calls.recv != 1 || d.Pool.Lent() != 0 || d.flows[0].streaming {
			t.Errorf("%s: %d recvs, %d pipes lent, streaming %v", name, d.calls.recv, d.Pool.Lent(), d.flows[0].streaming)
		}
	}
}

// A large fill is followed by another one in the same turn, for as long as the source has
// more; that it then says EAGAIN is expected, and no reason for a recv.
func TestRefillsUntilDrained(t *testing.T) {
	d := shape{mode: Always, chunk: refillFrom, pipeSize: 1 << 20, buffer: 1 << 20}.make(t)
	msg := piece(0, 0, 2*refillFrom+500)
	d.send(0, msg)
	st := d.move(0)
	if got := d.flows[0].Moved; st != Moved && st != Drained || got != uint64(len(msg)) {
		t.Errorf("the turn moved %d bytes of %d, status %d", got, len(msg), st)
	}
	d.wantBytes(1, msg)
	if d.calls.recv != 0 || d.Pool.Lent() != 0 {
		t.Errorf("%d recvs, %d pipes lent", d.calls.recv, d.Pool.Lent())
	}
}

// A turn is bounded, so that one fast flow starves nobody: by one chunk while its fills
// are small, by turnChunks at most.
func TestStreamingTurnIsBounded(t *testing.T) {
	for _, c := range []struct{ chunk, turn int }{
		{10_000, 10_000},
		{refillFrom, turnChunks * refillFrom},
	} {
		d := shape{mode: Always, chunk: c.chunk, pipeSize: 1 << 20, buffer: 1 << 20}.make(t)
		d.send(0, piece(0, 0, c.turn+c.chunk))
		d.want(d.move(0), Moved)
		if got := d.flows[0].Moved; got > uint64(c.turn) || c.chunk < refillFrom && got != uint64(c.turn) {
			t.Errorf("chunk %d: a turn moved %d bytes, want %d at most", c.chunk, got, c.turn)
		}
	}
}

// Without a pipe for a refill the turn is over, and the flow is not.
func TestNoPipeForARefill(t *testing.T) {
	d := shape{mode: Always, budget: testPipe}.make(t)
	last := d.Pool.Get()
	defer d.Pool.Put(last)
	d.send(0, []byte("more"))
	f := &d.flows[0]
	n, errno := d.refill(f, &d.ends[0])
	if n != 0 || errno != unix.EAGAIN || f.Holds() {
		t.Errorf("refill says %d, %v; holds %v", n, error(errno), f.Holds())
	}
	d.want(d.dry(f, &d.ends[0], errno), Drained)
	d.want(d.move(0), Moved)
	d.wantBytes(1, []byte("more"))
}

// Bytes one by one fill the slots of a pipe long before its bytes: 16 slots of 64 KiB.
func TestFullPipeOfTinySegments(t *testing.T) {
	for _, kind := range []Kind{TCP, Unix} {
		d := shape{mode: Always, kind: kind}.make(t)
		want := piece(0, 0, 100)
		for _, b := range want {
			d.send(0, []byte{b})
		}
		for d.flows[0].Moved < uint64(len(want)) {
			d.want(d.moveReady(0), Moved)
		}
		d.wantBytes(1, want)
	}
}

// When pipes run low a fill takes no more than twice what the last flush moved: a stopped reader
// must not pin a whole pipe.
func TestLowPoolBoundsAFill(t *testing.T) {
	const flushed = 6000
	d := shape{mode: Always, pipeSize: 64 << 10, budget: 64 << 10}.make(t) // one pipe: lent, it runs low
	f := &d.flows[0]
	f.flushed = flushed
	d.send(0, piece(0, 0, 2*flushed+3*testChunk))
	d.want(d.move(0), Moved)
	if f.Moved != 2*flushed {
		t.Errorf("a turn moved %d bytes, want twice the %d of the last flush", f.Moved, flushed)
	}
	f.flushed = 1
	d.want(d.move(0), Moved)
	if f.Moved != 2*flushed+testChunk {
		t.Errorf("a turn moved %d bytes, want the buffer's %d at least", f.Moved-2*flushed, testChunk)
	}
}

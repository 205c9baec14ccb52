package flow

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/pipepool"
	"relay/relay/sock"
)

// Two flows of one session, with random transfers, short splices, spurious EAGAINs, full
// sinks, moves between two movers and closes at random; every byte is checked. A failure
// names its seed.
func TestRandomFlows(t *testing.T) {
	modes := map[string]Mode{"auto": Auto, "always": Always, "never": Never}
	kinds := map[string]Kind{"tcp": TCP, "unix": Unix}
	for modeName, mode := range modes {
		for kindName, kind := range kinds {
			for seed := range uint64(6) {
				t.Run(fmt.Sprintf("%s/%s/%d", modeName, kindName, seed), func(t *testing.T) {
					w := newWalk(t, seed, mode, kind)
					w.run(func() bool { return w.eof[0] && w.eof[1] })
					w.checkBooks()
				})
			}
		}
	}
}

// The same, but at a random moment one peer resets: its stream must not end as if it were
// complete, and what arrives of it is its beginning.
func TestRandomReset(t *testing.T) {
	for name, mode := range map[string]Mode{"auto": Auto, "always": Always, "never": Never} {
		for seed := range uint64(12) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				w := newWalk(t, seed, mode, TCP)
				w.total[0] = 1 << 40 // has not said its last word when it resets
				after := w.random.Int64N(1 << 19)
				w.run(func() bool { return w.sent[0] >= after })
				old := w.peers[0]
				w.peers[0], _ = unix.Dup(0)
				w.gone[0] = true
				sock.Reset(old)
				w.run(func() bool { return w.over[0] })
				w.here.Discard(&w.flows[1])
				if w.status[0] != SourceFailed && w.status[0] != SinkFailed {
					t.Errorf("the flow from the peer that reset ended with status %d", w.status[0])
				}
			})
		}
	}
}

// walk is a random walk of a duplex.
type walk struct {
	*duplex
	random *rand.Rand
	other  *Mover // the loop next door
	here   *Mover // where the session is
	total  [2]int64
	sent   [2]int64 // by peer i
	got    [2]int64 // of stream i, by peer 1-i
	fin    [2]bool  // peer i has sent its last byte and said so
	gone   [2]bool  // peer i has reset
	eof    [2]bool  // the end of stream i has arrived
	over   [2]bool  // flow i is over
	status [2]Status
	buf    []byte
}

func newWalk(t *testing.T, seed uint64, mode Mode, kind Kind) *walk {
	random := rand.New(rand.NewPCG(seed, 7))
	s := shape{
		mode: mode, kind: kind,
		pipeSize:  pick(random, 4<<10, 64<<10, 1<<20),
		budget:    int64(pick(random, -1, 1<<20, 64<<20)),
		copyChunk: pick(random, 1<<10, 16<<10),
		chunk:     pick(random, 5000, 256<<10, 1<<20),
		buffer:    pick(random, 8<<10, 64<<10, 1<<20),
	}
	w := &walk{duplex: s.make(t), random: random, buf: make([]byte, 256<<10)}
	w.other = NewMover(mode, pipepool.New(w.budget, s.pipeSize, clock), s.copyChunk)
	w.here = w.Mover
	t.Cleanup(func() { // before the duplex counts what is left
		if w.here == w.other {
			w.moveHouse()
		}
		w.other.Pool.Close()
	})
	for i := range w.total {
		w.total[i] = random.Int64N(1 << 20)
	}
	w.sys.splice = w.splice
	w.other.sys.splice = w.splice
	w.sys.send, w.other.sys.send = w.shortSend, w.shortSend
	return w
}

func pick(random *rand.Rand, of ...int) int { return of[random.IntN(len(of))] }

// splice is the kernel's with short counts and an EAGAIN now and then.
func (w *walk) splice(from, to, most int) (int, sock.Errno) {
	switch w.random.IntN(10) {
	case 0:
		return 0, unix.EAGAIN
	case 1, 2:
		most = 1 + w.random.IntN(most)
	}
	return kernel.splice(from, to, most)
}

func (w *walk) shortSend(fd int, p []byte, more bool) (int, sock.Errno) {
	switch w.random.IntN(10) {
	case 0:
		return 0, unix.EAGAIN
	case 1:
		p = p[:1+w.random.IntN(len(p))]
	}
	return kernel.send(fd, p, more)
}

// run takes random steps until the end.
func (w *walk) run(end func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for step := 0; !end(); step++ {
		if step%1024 == 0 && time.Now().After(deadline) {
			w.t.Fatalf("stuck: sent %v of %v, got %v, fin %v, over %v; one holds %s, the other %s", w.sent, w.total, w.got, w.fin, w.over, w.held(0), w.held(1))
		}
		i := w.random.IntN(2)
		switch action := w.random.IntN(20); {
		case action < 6:
			w.speak(i)
		case action < 12:
			w.listen(i)
		case action < 19:
			w.turn(i)
		default:
			w.moveHouse()
			runtime.Gosched()
		}
	}
}

// speak has peer i send something, or say that it was all.
func (w *walk) speak(i int) {
	left := w.total[i] - w.sent[i]
	if w.gone[i] || w.fin[i] {
		return
	}
	if left == 0 {
		w.fin[i] = true
		sock.Shutdown(w.peers[i], unix.SHUT_WR)
		return
	}
	most := pick(w.random, 1, 100, 10_000, 200_000)
	n, _ := sock.Send(w.peers[i], piece(i, w.sent[i], int(min(left, int64(1+w.random.IntN(most))))), false)
	w.sent[i] += int64(n)
}

// listen has peer i read and compare.
func (w *walk) listen(i int) {
	from := 1 - i
	if w.gone[i] || w.eof[from] {
		return
	}
	n, errno := sock.Recv(w.peers[i], w.buf[:1+w.random.IntN(pick(w.random, 10, 5000, len(w.buf)))])
	if errno == unix.EAGAIN {
		return
	}
	if errno != 0 {
		w.t.Fatalf("peer %d: %v", i, error(errno))
	}
	if !bytes.Equal(w.buf[:n], piece(from, w.got[from], n)) {
		w.t.Fatalf("stream %d is wrong from byte %d on, or within %d after it", from, w.got[from], n)
	}
	w.got[from] += int64(n)
	if n == 0 {
		if w.eof[from] = true; !w.fin[from] || w.got[from] != w.total[from] {
			w.t.Fatalf("stream %d ended after %d bytes of %d", from, w.got[from], w.total[from])
		}
	}
}

// turn gives flow i a turn and does with the outcome what a session does.
func (w *walk) turn(i int) {
	f := &w.flows[i]
	if w.over[i] || !f.CanFill() && !f.Holds() {
		return
	}
	st := w.here.Move(f, &w.ends[i], &w.ends[1-i])
	w.checkTurn(i, st)
	switch st {
	case Ended:
		sock.Shutdown(w.ends[1-i].FD, unix.SHUT_WR)
		w.over[i] = true
	case SourceFailed, SinkFailed:
		if !w.gone[0] && !w.gone[1] {
			w.t.Fatalf("flow %d failed: %+v", i, w.ends)
		}
		w.over[i] = true
	}
	w.status[i] = st
}

// checkTurn checks what must hold after every turn.
func (w *walk) checkTurn(i int, st Status) {
	f := &w.flows[i]
	if f.Holds() != (st == Blocked) || f.pipe != nil && f.pipe.Bytes <= 0 {
		w.t.Fatalf("flow %d: status %d, and it holds %s", i, st, w.held(i))
	}
	held := 0
	for j := range w.flows {
		if w.flows[j].pipe != nil {
			held++
		}
	}
	if lent := w.here.Pool.Lent(); lent != held {
		w.t.Fatalf("%d pipes are lent, and the flows hold %d", lent, held)
	}
}

// moveHouse moves the session to the other loop.
func (w *walk) moveHouse() {
	from, to := w.here, w.other
	if from == w.other {
		to = w.Mover
	}
	for i := range w.flows {
		from.Detach(&w.flows[i])
		to.Attach(&w.flows[i])
	}
	w.here = to
}

// checkBooks compares the counters with what went through.
func (w *walk) checkBooks() {
	var moved uint64
	for i := range w.flows {
		f := &w.flows[i]
		if f.Moved != uint64(w.total[i]) || f.Holds() {
			w.t.Errorf("flow %d says %d bytes of %d, holds %v", i, f.Moved, w.total[i], f.Holds())
		}
		moved += f.Moved
	}
	delivered := w.Copied + w.Spliced + w.other.Copied + w.other.Spliced
	if delivered != moved || w.Pool.Lent() != 0 || w.other.Pool.Lent() != 0 {
		w.t.Errorf("%d bytes delivered of %d, pipes lent: %d and %d", delivered, moved, w.Pool.Lent(), w.other.Pool.Lent())
	}
}

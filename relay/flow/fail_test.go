package flow

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// eachMode runs a test in every mode, over TCP.
func eachMode(t *testing.T, f func(t *testing.T, d *duplex)) {
	for name, mode := range map[string]Mode{"auto": Auto, "always": Always, "never": Never} {
		t.Run(name, func(t *testing.T) { f(t, shape{mode: mode}.make(t)) })
	}
}

func TestEnd(t *testing.T) {
	eachMode(t, func(t *testing.T, d *duplex) {
		d.send(0, []byte("last words"))
		unix.Shutdown(d.peers[0], unix.SHUT_WR)
		d.wantFinal(0, Ended)
		d.wantBytes(1, []byte("last words"))
		if d.flows[0].CanFill() || d.flows[0].Holds() {
			t.Error("a flow that has ended can fill, or holds something")
		}
		d.want(d.move(0), Ended) // asked again, it says the same
	})
}

// wantFinal gives flow i turns until it is over, one way or another.
func (d *duplex) wantFinal(i int, want Status) {
	d.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		switch st := d.move(i); st {
		case Moved, Drained:
			poll(d.ends[i].FD, unix.POLLIN, 100*time.Millisecond)
		case Blocked:
			poll(d.ends[1-i].FD, unix.POLLOUT, 100*time.Millisecond)
		default:
			d.want(st, want)
			return
		}
	}
	d.t.Fatal("the flow is never over")
}

func TestSourceResets(t *testing.T) {
	eachMode(t, func(t *testing.T, d *duplex) {
		d.send(0, []byte("cut off"))
		d.resetPeer(0)
		d.wantFinal(0, SourceFailed)
		d.wantBytes(1, []byte("cut off"))
		if d.ends[0].Err != unix.ECONNRESET || d.ends[1].Err != 0 {
			t.Errorf("errors %v and %v, want the source's reset", error(d.ends[0].Err), error(d.ends[1].Err))
		}
	})
}

// resetPeer resets the connection of peer i and waits until end i knows. The peer keeps
// a descriptor, so that closing the duplex closes nobody else's.
func (d *duplex) resetPeer(i int) {
	d.t.Helper()
	d.awaitAcknowledged(i)
	old := d.peers[i]
	d.peers[i], _ = unix.Dup(0)
	sock.Reset(old)
	await(d.t, d.ends[i].FD, unix.POLLERR|unix.POLLHUP)
}

// One send consumes a pending reset; the read after it says a clean 0. The end
// remembers.
func TestErrorConsumedByTheOtherFlow(t *testing.T) {
	eachMode(t, func(t *testing.T, d *duplex) {
		d.resetPeer(0)
		d.send(1, []byte("for nobody"))
		d.want(d.move(1), SinkFailed)
		if n, errno := sock.Recv(d.ends[0].FD, make([]byte, 1)); n != 0 || errno != 0 {
			t.Fatalf("recv says %d, %v: this kernel does not consume the error", n, error(errno))
		}
		d.want(d.move(0), SourceFailed)
	})
}

// The same within one turn: the first fill takes the bytes before the reset, the second
// one takes the reset itself. The stream was cut off and must not end as if complete.
func TestErrorConsumedByASecondFill(t *testing.T) {
	d := shape{mode: Always, chunk: 1 << 20, pipeSize: 1 << 20, buffer: 1 << 20}.make(t)
	const n = 3 * refillFrom
	d.send(0, piece(0, 0, n))
	d.resetPeer(0)
	d.wantFinal(0, SourceFailed)
	d.wantBytes(1, piece(0, 0, n))
}

// Whatever the errno of the second fill: it is the end's, once and for all.
func TestErrorOfASecondFillIsKept(t *testing.T) {
	for _, errno := range []sock.Errno{unix.ECONNRESET, unix.ETIMEDOUT, unix.EPIPE} {
		d := shape{mode: Always, pipeSize: 1 << 20, buffer: 1 << 20}.make(t)
		fills := 0
		d.sys.splice = func(from, to, n int) (int, sock.Errno) {
			if from == d.ends[0].FD {
				if fills++; fills == 2 {
					return 0, errno
				}
			}
			return kernel.splice(from, to, n)
		}
		d.send(0, piece(0, 0, 2*refillFrom))
		unix.Shutdown(d.peers[0], unix.SHUT_WR)
		await(t, d.ends[0].FD, unix.POLLRDHUP)
		d.wantFinal(0, SourceFailed)
		if d.ends[0].Err != errno {
			t.Errorf("the end's error is %v, want %v", error(d.ends[0].Err), error(errno))
		}
	}
}

// A failing sink loses what was held, and nothing is counted that it did not take. The
// pipe with those bytes is closed.
func TestSinkFails(t *testing.T) {
	for name, c := range map[string]struct {
		mode   Mode
		budget int64
	}{"copying": {Never, 0}, "splicing": {Always, 0}, "keeping": {Never, -1}} {
		t.Run(name, func(t *testing.T) {
			d := shape{mode: c.mode, budget: c.budget, buffer: 8 << 10}.make(t)
			d.send(0, []byte("taken"))
			d.want(d.move(0), Moved)
			d.stuff(0)
			d.send(0, []byte("held"))
			d.want(d.move(0), Blocked)
			d.resetPeer(1)
			d.want(d.move(0), SinkFailed)
			f := &d.flows[0]
			if f.Moved != 5 || f.Holds() || f.CanFill() || d.ends[1].Err == 0 || d.ends[0].Err != 0 {
				t.Errorf("moved %d, holds %v, can fill %v, ends %+v", f.Moved, f.Holds(), f.CanFill(), d.ends)
			}
			if d.Pool.Lent() != 0 || d.Pool.Idle() > 1 {
				t.Errorf("%d pipes lent, %d idle", d.Pool.Lent(), d.Pool.Idle())
			}
		})
	}
}

// A pipe that held bytes of a dead session is never lent again.
func TestDirtyPipeIsNotLentAgain(t *testing.T) {
	d := shape{mode: Always, buffer: 8 << 10}.make(t)
	d.stuff(0)
	d.send(0, []byte("secret"))
	d.want(d.move(0), Blocked)
	d.Discard(&d.flows[0])
	if d.Pool.Idle() != 0 || d.budget.Used() != 0 {
		t.Errorf("%d pipes idle, %d bytes used, after a dirty one came back", d.Pool.Idle(), d.budget.Used())
	}
}

func TestFirstErrorStays(t *testing.T) {
	e := End{}
	e.fail(unix.ECONNRESET)
	e.fail(unix.EPIPE)
	if e.Err != unix.ECONNRESET {
		t.Errorf("the end's error is %v, want the first one", error(e.Err))
	}
}

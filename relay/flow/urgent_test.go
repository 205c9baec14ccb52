package flow

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// After urgent data splice says EAGAIN for ever while epoll reports the socket readable.
// Any peer can send that: the loop must not spin, and the ordinary bytes must arrive.
func TestUrgentData(t *testing.T) {
	for _, mode := range []Mode{Auto, Always, Never} {
		for name, kind := range map[string]Kind{"tcp": TCP, "unix": Unix} {
			for _, streaming := range []bool{false, true} {
				d := shape{mode: mode, kind: kind}.make(t)
				d.flows[0].streaming = streaming && mode != Never
				d.send(0, []byte("before"))
				d.sendUrgent(0)
				d.write(0, []byte("after"))
				d.awaitAcknowledged(0)
				turns := d.settleDown(0)
				d.wantBytes(1, []byte("beforeafter"))
				if turns > 10 {
					t.Errorf("mode %d, %s: %d turns for two messages", mode, name, turns)
				}
			}
		}
	}
}

// An urgent byte and nothing else, then the end.
func TestUrgentDataAlone(t *testing.T) {
	for _, mode := range []Mode{Auto, Always, Never} {
		for _, kind := range []Kind{TCP, Unix} {
			d := shape{mode: mode, kind: kind}.make(t)
			d.sendUrgent(0)
			if turns := d.settleDown(0); turns > 5 {
				t.Errorf("mode %d, kind %d: %d turns for one urgent byte", mode, kind, turns)
			}
			unix.Shutdown(d.peers[0], unix.SHUT_WR)
			st := Drained
			for range 3 {
				if st = d.moveReady(0); st == Ended {
					break
				}
			}
			d.want(st, Ended)
			if d.flows[0].Moved != 0 {
				t.Errorf("mode %d: the urgent byte was taken for an ordinary one", mode)
			}
		}
	}
}

// sendUrgent sends one byte out of band and waits until it is there.
func (d *duplex) sendUrgent(i int) {
	d.t.Helper()
	if err := unix.Send(d.peers[i], []byte("!"), unix.MSG_OOB); err != nil {
		d.t.Skipf("no urgent data on this kind of socket: %v", err)
	}
	await(d.t, d.ends[i].FD, unix.POLLPRI)
}

// awaitAcknowledged waits until the other side has all that peer i sent. (Counting what
// can be read ends at the urgent byte.)
func (d *duplex) awaitAcknowledged(i int) {
	d.t.Helper()
	for end := time.Now().Add(5 * time.Second); d.ends[i].Kind == TCP && sock.Unsent(d.peers[i]) > 0; runtime.Gosched() {
		if time.Now().After(end) {
			d.t.Fatalf("%d bytes of peer %d are not acknowledged", sock.Unsent(d.peers[i]), i)
		}
	}
}

// settleDown gives flow i turns for as long as its source is readable, as a
// level-triggered loop would, and counts them.
func (d *duplex) settleDown(i int) int {
	d.t.Helper()
	for turns := range 1000 {
		if poll(d.ends[i].FD, unix.POLLIN, 0)&unix.POLLIN == 0 {
			return turns
		}
		if st := d.move(i); st != Moved && st != Drained {
			d.t.Fatalf("status %d", st)
		}
	}
	d.t.Fatal("the source stays readable and nothing moves: a loop would spin")
	return 0
}

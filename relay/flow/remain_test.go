package flow

import (
	"testing"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// A flow with a Remain ends there; what follows stays in the socket for somebody else.
func TestRemain(t *testing.T) {
	for name, mode := range map[string]Mode{"auto": Auto, "always": Always, "never": Never} {
		t.Run(name, func(t *testing.T) {
			for _, remain := range []int{1, testChunk - 1, testChunk, testChunk + 1, 5 * testChunk} {
				d := shape{mode: mode}.make(t)
				d.flows[0].Remain = int64(remain)
				body := piece(0, 0, remain)
				d.send(0, body)
				d.send(0, []byte("next"))
				d.wantFinal(0, Ended)
				d.wantBytes(1, body)
				if f := &d.flows[0]; f.Remain != 0 || f.Moved != uint64(remain) || d.Pool.Lent() != 0 {
					t.Errorf("remain %d: %d left, %d moved, %d pipes lent", remain, f.Remain, f.Moved, d.Pool.Lent())
				}
				rest := make([]byte, 16)
				if n, _ := sock.Recv(d.ends[0].FD, rest); string(rest[:n]) != "next" {
					t.Errorf("remain %d: %q is left in the socket", remain, rest[:n])
				}
			}
		})
	}
}

// Remain counts what was taken, and a flow is not over before that is delivered.
func TestRemainBehindABlockedSink(t *testing.T) {
	for _, mode := range []Mode{Auto, Always, Never} {
		d := shape{mode: mode, buffer: 8 << 10}.make(t)
		d.flows[0].Remain = 300
		zeros := d.stuff(0)
		d.send(0, piece(0, 0, 500))
		d.want(d.move(0), Blocked)
		if d.flows[0].Remain != 0 {
			t.Errorf("%d remain, want none", d.flows[0].Remain)
		}
		d.receive(1, zeros)
		d.want(d.move(0), Ended)
		d.wantBytes(1, piece(0, 0, 300))
	}
}

// The source ends before Remain is used up: Ended, and Remain tells that it was early.
func TestRemainOfAShortSource(t *testing.T) {
	eachMode(t, func(t *testing.T, d *duplex) {
		d.flows[0].Remain = 1000
		d.send(0, piece(0, 0, 400))
		unix.Shutdown(d.peers[0], unix.SHUT_WR)
		d.wantFinal(0, Ended)
		if d.flows[0].Remain != 600 {
			t.Errorf("%d remain, want 600", d.flows[0].Remain)
		}
	})
}

func TestUnlimitedStaysUnlimited(t *testing.T) {
	eachMode(t, func(t *testing.T, d *duplex) {
		d.send(0, piece(0, 0, 3*testChunk))
		d.move(0)
		if d.flows[0].Remain != Unlimited {
			t.Errorf("%d remain of what has no end", d.flows[0].Remain)
		}
	})
}

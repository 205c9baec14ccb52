package test

import (
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// How far after its time a timeout may come on a loaded machine.
const late = 5 * time.Second

// timeoutRig is a rig whose listener has this timeout.
func timeoutRig(t *testing.T, key, value string) *rig {
	t.Helper()
	return setup{edit: func(c *harness.Config) { c.Listener()[key] = value }}.start(t)
}

// drip sends a byte now and then until stop is closed.
func drip(c *peer.Conn, every time.Duration, stop <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_, _ = c.Write([]byte{0}) // a session that is over is found by the reader
		case <-stop:
			return
		}
	}
}

// wantBytes reads n bytes of any kind.
func wantBytes(t testing.TB, c *peer.Conn, n int) {
	t.Helper()
	if got, err := readFull(c, make([]byte, n)); err != nil {
		t.Fatalf("%d of %d bytes, then %v", got, n, err)
	}
}

// A session without a byte either way is reset on both sides.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	r := timeoutRig(t, "idle_timeout", "700ms")
	start := time.Now()
	p := r.open(t)
	wantCutOff(t, p.client)
	within(t, "idle_timeout", start, 690*time.Millisecond, late)
	wantCutOff(t, p.backend)
	r.wantReason(t, p.client, "idle_timeout")
}

// Bytes in one direction keep a session, and when they stop its time starts anew.
func TestIdleTimeoutMovesWithBytes(t *testing.T) {
	t.Parallel()
	r := timeoutRig(t, "idle_timeout", "1s")
	bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
		p := r.open(t)
		busy := turn(p)
		stop := make(chan struct{})
		go drip(busy.client, 100*time.Millisecond, stop)
		wantBytes(t, busy.backend, 25) // two and a half times as long as the timeout
		close(stop)
		start := time.Now()
		_, err := readFull(busy.backend, make([]byte, 1<<20))
		if !peer.IsReset(err) {
			t.Errorf("the session ended by %v, want a reset", err)
		}
		within(t, "idle_timeout after the last byte", start, 700*time.Millisecond, late)
		r.wantReason(t, p.client, "idle_timeout")
	})
}

// A session whose reader stopped is idle too: it cannot hold its pipe for ever.
func TestIdleTimeoutOfBlockedReader(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice, edit: func(c *harness.Config) {
			c.Listener()["idle_timeout"] = "1s"
		}}.start(t)
		bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
			p := r.open(t)
			full := turn(p)
			// How much goes in does not matter here, and on a slow machine the session may
			// end before filling does.
			_, _ = full.client.WriteBlocked(1)
			r.wantReason(t, p.client, "idle_timeout")
			wantCutOff(t, full.client)
			if got := <-reading(peer.NewFlow(1), full.backend); got.end != peer.Reset {
				t.Errorf("the blocked reader saw %v, want a reset", got)
			}
		})
	})
}

// Once one direction has ended the other has less time for its next byte.
func TestHalfCloseTimeout(t *testing.T) {
	t.Parallel()
	r := timeoutRig(t, "half_close_timeout", "700ms")
	bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
		p := r.open(t)
		half := turn(p)
		start := time.Now()
		must(t, "half-close", half.client.CloseWrite())
		wantWhole(t, half.backend, 0, 0)
		wantCutOff(t, half.client)
		within(t, "half_close_timeout", start, 690*time.Millisecond, late)
		if _, err := half.backend.Write([]byte("late")); err == nil {
			harness.Eventually(t, "the writer hears of the end", func() (bool, any) {
				_, err := half.backend.Write([]byte("later"))
				return err != nil, err
			})
		}
		r.wantReason(t, p.client, "half_close_timeout")
	})
}

// The time of a half-closed session begins when it is half-closed: how long it was
// quiet before does not count.
func TestHalfCloseTimeoutBeginsWithFIN(t *testing.T) {
	t.Parallel()
	r := timeoutRig(t, "half_close_timeout", "1s")
	bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
		p := r.open(t)
		half := turn(p)
		half.ping(t)
		time.Sleep(1500 * time.Millisecond) // what is tested: a pause longer than the timeout
		must(t, "half-close", half.client.CloseWrite())
		wantWhole(t, half.backend, 0, 0)
		answer := bulk(1, 1000)
		must(t, "answer", <-sending(answer, half.backend))
		must(t, "answer", answer.ReceiveAll(half.client))
		r.wantReason(t, p.client, "complete")
	})
}

// A half-closed session lives on while bytes flow in the direction that is left.
func TestHalfCloseTimeoutMovesWithBytes(t *testing.T) {
	t.Parallel()
	r := timeoutRig(t, "half_close_timeout", "1s")
	bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
		p := r.open(t)
		half := turn(p)
		must(t, "half-close", half.client.CloseWrite())
		wantWhole(t, half.backend, 0, 0)
		stop := make(chan struct{})
		go drip(half.backend, 100*time.Millisecond, stop)
		wantBytes(t, half.client, 25)
		close(stop)
		must(t, "half-close", half.backend.CloseWrite())
		r.wantReason(t, p.client, "complete")
	})
}

// Half-open: the client's host has gone without a word. The session ends by
// idle_timeout and takes nothing with it.
func TestVanishedClient(t *testing.T) {
	t.Parallel()
	r := timeoutRig(t, "idle_timeout", "700ms")
	p := r.open(t)
	p.ping(t)
	client := p.client.LocalAddr().String()
	if err := p.client.Vanish(); err != nil {
		t.Skipf("TCP_REPAIR needs CAP_NET_ADMIN: %v", err)
	}
	wantCutOff(t, p.backend)
	if got := r.Session(t, client); got.Reason != "idle_timeout" {
		t.Errorf("the session ended for the reason %q, want idle_timeout", got.Reason)
	}
}

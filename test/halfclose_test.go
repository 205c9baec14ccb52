package test

import (
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// eachMode runs a test for every splice mode, side by side.
func eachMode(t *testing.T, f func(t *testing.T, splice string)) {
	t.Helper()
	for _, splice := range spliceModes {
		t.Run(splice, func(t *testing.T) {
			t.Parallel()
			f(t, splice)
		})
	}
}

// One side ends; the other hears of it at once and goes on sending for as long as
// it likes.
func TestHalfCloseOtherDirectionGoesOn(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
			p := r.open(t)
			first := turn(p)
			request := bulk(1, 100)
			answer := peer.NewFlow(2, changing(2)...)
			must(t, "send the request", <-sending(request, first.client))
			// The answer starts only after the FIN has arrived.
			must(t, "the request", request.ReceiveAll(first.backend))
			sent := sending(answer, first.backend)
			must(t, "the answer", answer.ReceiveAll(first.client))
			must(t, "send the answer", <-sent)
			r.wantReason(t, p.client, "complete")
		})
	})
}

func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// While one direction is in full flow the other ends; nothing of the flow is lost.
func TestHalfCloseInFullFlow(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
			p := r.open(t)
			busy := turn(p)
			long := bulk(1, scaled(64*mib))
			sent, arrived := sending(long, busy.client), reading(long, busy.backend)
			harness.Eventually(t, "the stream flows", func() (bool, any) {
				n := long.Received()
				return n > 0, n
			})
			must(t, "half-close", busy.backend.CloseWrite())
			end, err := peer.NewFlow(0).Receive(busy.client)
			if end != peer.FIN {
				t.Errorf("the other direction ended by %v (%v), want FIN", end, err)
			}
			must(t, "send the long stream", <-sent)
			if got := <-arrived; got.end != peer.FIN || got.bytes != long.Bytes() {
				t.Errorf("%v, want FIN after %d", got, long.Bytes())
			}
			r.wantReason(t, p.client, "complete")
		})
	})
}

// A FIN that comes while pipe and sockets are full of bytes for a reader that does
// not read: the reader gets every byte and then the FIN, whenever it reads.
func TestHalfCloseBehindBlockedReader(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
			p := r.open(t)
			full := turn(p)
			sent := fill(t, full.client, 1)
			must(t, "half-close", full.client.CloseWrite())
			r.Quiet(t)
			wantWhole(t, full.backend, 1, sent)
			must(t, "the other half", full.backend.Close())
			got := r.wantReason(t, p.client, "complete")
			if got.BytesUp+got.BytesDown != sent {
				t.Errorf("logged %d bytes up and %d down, sent %d", got.BytesUp, got.BytesDown, sent)
			}
		})
	})
}

// Both directions are full and both ended: no side has read a byte yet.
func TestHalfCloseBothWithFullPipes(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		p := r.open(t)
		up := fill(t, p.client, 1)
		down := fill(t, p.backend, 2)
		must(t, "half-close", p.client.CloseWrite())
		must(t, "half-close", p.backend.CloseWrite())
		r.Quiet(t)
		wantWhole(t, p.backend, 1, up)
		wantWhole(t, p.client, 2, down)
		got := r.wantReason(t, p.client, "complete")
		if got.BytesUp != up || got.BytesDown != down {
			t.Errorf("logged %d bytes up and %d down, want %d and %d", got.BytesUp, got.BytesDown, up, down)
		}
	})
}

// fill writes the stream until nobody takes any more of it.
func fill(t testing.TB, c *peer.Conn, s peer.Stream) int64 {
	t.Helper()
	sent, err := c.WriteBlocked(s)
	must(t, "fill", err)
	return sent
}

// wantWhole reads n bytes of the stream and its FIN.
func wantWhole(t testing.TB, c *peer.Conn, s peer.Stream, n int64) {
	t.Helper()
	must(t, "the stream", peer.NewFlow(uint64(s), peer.Stage{Bytes: n}).ReceiveAll(c))
}

// Many programs end by closing, not by half-closing, once they have said everything.
// When the other side is slow to read, it still gets all of it and a clean end. A unix
// socket whose peer is gone reports a hang-up at once, with bytes still to be read.
func TestCloseBehindBlockedReader(t *testing.T) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			r := setup{listen: tr.listen, backends: []string{tr.backend}}.start(t)
			bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
				p := turn(r.open(t))
				p.ping(t) // nothing may be unread at the close: that would be a reset
				sent := fill(t, p.client, 1)
				must(t, "close", p.client.Close())
				r.Quiet(t)
				wantWhole(t, p.backend, 1, sent)
			})
		})
	}
}

// A session of nothing: both ends say only that this was all.
func TestHalfCloseEmpty(t *testing.T) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			r := setup{listen: tr.listen, backends: []string{tr.backend}}.start(t)
			bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
				p := turn(r.open(t))
				must(t, "half-close", p.client.CloseWrite())
				wantWhole(t, p.backend, 0, 0)
				must(t, "half-close", p.backend.CloseWrite())
				wantWhole(t, p.client, 0, 0)
			})
		})
	}
}

// A client that says everything and ends before the backend is there is served: a
// FIN is no abort.
func TestHalfCloseBeforeConnected(t *testing.T) {
	r, backend := silentRig(t, nil)
	client := r.dial(t)
	must(t, "send", <-sending(bulk(1, 1000), client))
	late, err := backend.Speak()
	must(t, "accept", err)
	r.adopt(late)
	wantWhole(t, late, 1, 1000)
	answer := bulk(2, 1000)
	must(t, "send the answer", <-sending(answer, late))
	must(t, "the answer", answer.ReceiveAll(client))
	r.wantReason(t, client, "complete")
}

// silentRig is a rig whose only backend answers no SYN until it is told to speak.
func silentRig(t testing.TB, edit func(*harness.Config)) (*rig, *peer.Silent) {
	t.Helper()
	silent, err := peer.NewSilent()
	must(t, "a silent backend", err)
	t.Cleanup(silent.Close)
	r := setup{edit: func(c *harness.Config) {
		c.SetBackends(silent.Address)
		if edit != nil {
			edit(c)
		}
	}}.start(t)
	return r, silent
}

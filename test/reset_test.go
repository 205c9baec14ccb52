package test

import (
	"fmt"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// resetReason is what the log says when this side reset.
func resetReason(side string) string { return side + "_reset" }

// A reset arrives as a reset, after every byte that came before it.
func TestResetAfterData(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, side string, turn func(pair) pair) {
			for _, size := range []int64{0, 1, 1000, 100 * kib, 3 * mib} {
				t.Run(fmt.Sprint(size), func(t *testing.T) {
					p := r.open(t)
					resetAfter(t, turn(p), size)
					r.wantReason(t, p.client, resetReason(side))
				})
			}
		})
	})
}

// resetAfter is resetWith in a session that the program knows to be connected: a
// backend that resets before counts as one that is down.
func resetAfter(t *testing.T, p pair, size int64) {
	t.Helper()
	p.ping(t)
	resetWith(t, p, size)
}

// resetWith has p's client send this much and reset, while the backend reads.
func resetWith(t *testing.T, p pair, size int64) {
	t.Helper()
	f := bulk(uint64(size)+1, size)
	arrived := reading(f, p.backend)
	must(t, "send", f.Send(p.client))
	delivered(t, p.client) // a reset drops what the own kernel still holds
	must(t, "reset", p.client.Reset())
	if got := <-arrived; got.end != peer.Reset || got.bytes != size {
		t.Errorf("%v, want a reset after %d", got, size)
	}
}

// A stream that is cut off in full flow is a prefix, and ends by a reset.
func TestResetInFullFlow(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, side string, turn func(pair) pair) {
			p := r.open(t)
			cut := turn(p)
			long := bulk(1, 1<<40)
			sending(long, cut.client) // ends with the reset
			arrived := reading(long, cut.backend)
			harness.Eventually(t, "the stream flows", func() (bool, any) {
				n := long.Received()
				return n > 8*mib, n
			})
			must(t, "reset", cut.client.Reset())
			if got := <-arrived; got.end != peer.Reset {
				t.Errorf("%v, want a reset", got)
			}
			r.wantReason(t, p.client, resetReason(side))
		})
	})
}

// The reader of a stream resets: its writer hears of it, and not by a clean end.
func TestResetByReader(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, side string, turn func(pair) pair) {
			p := r.open(t)
			reader := turn(p)
			sent := sending(bulk(1, 1<<40), reader.backend)
			var some [mib]byte
			_, err := readFull(reader.client, some[:])
			must(t, "read", err)
			must(t, "reset", reader.client.Reset())
			if err := <-sent; !peer.IsReset(err) {
				t.Errorf("the writer saw %v, want a reset", err)
			}
			wantCutOff(t, reader.backend)
			r.wantReason(t, p.client, resetReason(side))
		})
	})
}

// The reader of a stream resets after it has said something itself. The writer reads
// that, and then the reset: never an end that looks like all was well. The program can
// hear of the reset by a write as well as by a read, and whichever comes first takes
// the kernel's only report of it; so this is tried many times.
func TestResetByReaderNeverLooksComplete(t *testing.T) {
	const tries = 150
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
			for i := range tries {
				reader := turn(r.open(t))
				reader.ping(t)
				sending(bulk(1, 1<<40), reader.backend)
				answer := bulk(2, 1000)
				arrived := reading(answer, reader.backend)
				wantBytes(t, reader.client, 64*kib*(1+i%16))
				must(t, "send", answer.Send(reader.client))
				must(t, "reset", reader.client.Reset())
				if got := <-arrived; got.end != peer.Reset {
					t.Fatalf("try %d: the writer saw %v, want a reset", i, got)
				}
				reader.backend.Close()
			}
		})
	})
}

// The source resets while the sink is blocked, and the sink reads right after: it
// gets everything that had been acknowledged, then the reset.
func TestResetBehindBlockedReader(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, side string, turn func(pair) pair) {
			p := r.open(t)
			full := turn(p)
			sent := fill(t, full.client, 1)
			unsent, err := full.client.Unsent()
			must(t, "SIOCOUTQ", err)
			must(t, "reset", full.client.Reset())
			f := peer.NewFlow(1)
			end, err := f.Receive(full.backend)
			if got, least := f.Received(), sent-int64(unsent); end != peer.Reset || got < least {
				t.Errorf("%v after %d bytes (%v), want a reset after at least %d", end, got, err, least)
			}
			r.wantReason(t, p.client, resetReason(side))
		})
	})
}

// The source resets while the sink is blocked and stays so: nothing spins, and what
// arrives in the end is a prefix that does not look complete.
func TestResetBehindBlockedReaderStaysQuiet(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
			full := turn(r.open(t))
			sent := fill(t, full.client, 1)
			must(t, "reset", full.client.Reset())
			r.Quiet(t)
			f := peer.NewFlow(1)
			if end, err := f.Receive(full.backend); end != peer.Reset || f.Received() > sent {
				t.Errorf("%v after %d of %d bytes (%v), want a reset", end, f.Received(), sent, err)
			}
		})
	})
}

// The sink that blocked the session resets: the source hears of it, although the
// program is not reading from it.
func TestResetByBlockedReader(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, side string, turn func(pair) pair) {
			p := r.open(t)
			full := turn(p)
			fill(t, full.client, 1)
			must(t, "reset", full.backend.Reset())
			wantCutOff(t, full.client)
			r.wantReason(t, p.client, otherReset(side))
		})
	})
}

func otherReset(side string) string {
	if side == "client" {
		return resetReason("backend")
	}
	return resetReason("client")
}

// Both directions are full, then one side resets.
func TestResetWithBothPipesFull(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, side string, turn func(pair) pair) {
			p := r.open(t)
			full := turn(p)
			fill(t, full.client, 1)
			fill(t, full.backend, 2)
			must(t, "reset", full.client.Reset())
			r.Quiet(t)
			f := peer.NewFlow(1)
			if end, err := f.Receive(full.backend); end != peer.Reset {
				t.Errorf("%v after %d bytes (%v), want a reset", end, f.Received(), err)
			}
			r.wantReason(t, p.client, resetReason(side))
		})
	})
}

// Both sides reset at the same time, with and without bytes under way: the session
// ends then, not by some timeout.
func TestResetByBothSides(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		for _, full := range []bool{false, true} {
			bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
				p := r.open(t)
				p.ping(t)
				if full {
					fill(t, p.client, 1)
					fill(t, p.backend, 2)
				}
				first := turn(p)
				must(t, "reset", first.client.Reset())
				must(t, "reset", first.backend.Reset())
				r.wantReason(t, p.client, "client_reset", "backend_reset")
			})
		}
	})
}

// A direction that ended well does not make the other's reset a clean end.
func TestResetAfterHalfClose(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		bySide(t, func(t *testing.T, side string, turn func(pair) pair) {
			p := r.open(t)
			cut := turn(p)
			p.ping(t)
			must(t, "half-close", cut.backend.CloseWrite())
			wantWhole(t, cut.client, 0, 0)
			resetWith(t, cut, 100*kib)
			r.wantReason(t, p.client, resetReason(side))
		})
	})
}

// A client that resets while its backend is still being connected ends its session
// then and there.
func TestResetWhileConnecting(t *testing.T) {
	r, _ := silentRig(t, func(c *harness.Config) { c.Upstream()["connect_timeout"] = "60s" })
	for _, data := range []int{0, 1000, 100_000} {
		client := r.dial(t)
		_, err := client.Write(make([]byte, data))
		must(t, "write", err)
		delivered(t, client)
		start := time.Now()
		must(t, "reset", client.Reset())
		r.wantReason(t, client, "client_reset")
		within(t, "the end of the session", start, 0, 10*time.Second)
	}
}

// A unix socket knows no reset. A unix client gets what came before its backend's
// reset, and then the end.
func TestResetTowardsUnix(t *testing.T) {
	r := setup{listen: "unix"}.start(t)
	p := r.open(t)
	f := bulk(1, 100*kib)
	must(t, "send", f.Send(p.backend))
	delivered(t, p.backend)
	must(t, "reset", p.backend.Reset())
	end, err := f.Receive(p.client)
	if end == peer.Timeout || f.Received() != f.Bytes() {
		t.Errorf("%v after %d bytes (%v), want an end after %d", end, f.Received(), err, f.Bytes())
	}
}

// A unix client that dies with unread bytes cuts the session off: to the TCP side
// that is a reset.
func TestResetFromUnix(t *testing.T) {
	r := setup{listen: "unix"}.start(t)
	p := r.open(t)
	_, err := p.backend.Write([]byte("never read"))
	must(t, "write", err)
	harness.Eventually(t, "the bytes are there", func() (bool, any) {
		n, err := p.client.Unread()
		return err == nil && n > 0, n
	})
	p.client.Close()
	if end, err := peer.NewFlow(0).Receive(p.backend); end != peer.Reset {
		t.Errorf("the backend saw %v (%v), want a reset", end, err)
	}
}

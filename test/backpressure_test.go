package test

import (
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// A reader that stops holds up its own session and nothing else: the program takes
// no more memory for it, however long its writer would go on.
func TestBlockedReadersTakeNoMemory(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		const budget = 8 * mib
		r := setup{splice: splice, edit: func(c *harness.Config) { c.Engine["pipe_budget"] = "8MiB" }}.start(t)
		sessions := make([]pair, 32)
		sent := make([]int64, len(sessions))
		before := r.AnonBytes(t)
		for i := range sessions {
			sessions[i] = r.open(t)
		}
		inParallel(len(sessions), func(i int) {
			sent[i], _ = sessions[i].client.WriteBlocked(peer.Stream(i)) // an error shows in what arrives
		})
		wantFlat(t, r, before, budget)
		for i, p := range sessions {
			must(t, "half-close", p.client.CloseWrite())
			wantWhole(t, p.backend, peer.Stream(i), sent[i])
		}
	})
}

// wantFlat checks that the program, with nothing but blocked sessions, holds little
// memory and no more pipes than its budget, and that neither grows.
func wantFlat(t *testing.T, r *rig, before, budget int) {
	t.Helper()
	anon, pipes := r.AnonBytes(t), r.PipeBytes(t)
	r.Quiet(t)
	t.Logf("%d KiB of memory and %d KiB of pipes, before %d KiB", r.AnonBytes(t)/kib, r.PipeBytes(t)/kib, before/kib)
	if grown := r.AnonBytes(t) - anon; grown > mib && !harness.Race {
		t.Errorf("%d bytes more memory after a second of waiting", grown)
	}
	// What a blocked send leaves over may wait in a small buffer if no pipe was left.
	if grown := anon - before; grown > 8*mib && !harness.Race {
		t.Errorf("%d bytes of memory for blocked sessions", grown)
	}
	if pipes > budget {
		t.Errorf("%d bytes of pipes, the budget is %d", pipes, budget)
	}
}

// A session that was never busy holds no pipe, however many there are.
func TestChattySessionsHoldNoPipe(t *testing.T) {
	r := setup{}.start(t)
	before := r.Descriptors(t)["pipe"]
	for range 200 {
		r.open(t).ping(t)
	}
	if got := r.Descriptors(t)["pipe"]; got > before {
		t.Errorf("%d pipe descriptors for sessions of a few bytes, %d before", got, before)
	}
}

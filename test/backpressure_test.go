package test

import (
	"slices"
	"testing"
	"time"

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
			sent[i] = fill(t, sessions[i].client, peer.Stream(i))
		}
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

// Bulk streams leave room for a keystroke: one byte goes to the backend and back
// while 64 sessions stream at full speed through the same program. Tests and
// program share the machine, so only the release run asserts the promised 10 ms.
func TestEchoBesideBulk(t *testing.T) {
	const streams, echoes = 64, 300
	for _, splice := range spliceModes {
		t.Run(splice, func(t *testing.T) {
			r := setup{splice: splice}.start(t)
			for i := range streams {
				p := r.open(t)
				stream := bulk(uint64(i), 1<<40)
				sending(stream, p.client) // both end when the test closes the connections
				reading(stream, p.backend)
				harness.Eventually(t, "the stream flows", func() (bool, any) {
					n := stream.Received()
					return n > 0, n
				})
			}
			median := medianEcho(t, r.open(t), echoes)
			t.Logf("median of %d echoes of one byte beside %d streams: %v", echoes, streams, median)
			limit := 250 * time.Millisecond
			if harness.Full && !harness.Race {
				limit = 10 * time.Millisecond
			}
			if median > limit {
				t.Errorf("median echo %v, want below %v", median, limit)
			}
		})
	}
}

// medianEcho sends single bytes to and fro and returns the median of the times that
// took.
func medianEcho(t *testing.T, p pair, n int) time.Duration {
	t.Helper()
	go func() {
		var one [1]byte
		for {
			if _, err := p.backend.Read(one[:]); err != nil {
				return
			}
			if _, err := p.backend.Write(one[:]); err != nil {
				return
			}
		}
	}()
	times := make([]time.Duration, n)
	var one [1]byte
	for i := range times {
		start := time.Now()
		_, err := p.client.Write([]byte{byte(i)})
		must(t, "write", err)
		_, err = readFull(p.client, one[:])
		must(t, "echo", err)
		if one[0] != byte(i) {
			t.Fatalf("echo %d came back as %d", i, one[0])
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[n/2]
}

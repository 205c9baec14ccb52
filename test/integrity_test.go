package test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// transport is a kind of address on either side of the program.
type transport struct {
	name            string
	listen, backend string
}

var transports = []transport{
	{"tcp4", "127.0.0.1:0", "127.0.0.1:0"},
	{"tcp6", "[::1]:0", "[::1]:0"},
	{"unix", "unix", "unix"},
	{"tcp4-to-unix", "127.0.0.1:0", "unix"},
	{"unix-to-tcp6", "unix", "[::1]:0"},
}

// shape is a manner of writing and reading a stream.
type shape struct {
	name   string
	stages []peer.Stage
	read   peer.Reading
}

// scaled is n bytes, fewer where speed is poor or time is short.
func scaled(n int64) int64 {
	switch {
	case testing.Short():
		return n / 64
	case harness.Race:
		return n / 16
	}
	return n
}

// shapes are the manners in which every byte must arrive.
func shapes() []shape {
	return []shape{
		{
			name:   "slow reader",
			stages: []peer.Stage{{Bytes: scaled(24 * mib), Min: 4 * kib, Max: mib}},
			read:   peer.Reading{Min: 1, Max: 64 * kib, Every: 256 * kib, Pause: time.Millisecond},
		},
		{
			name:   "reader that stops now and then",
			stages: []peer.Stage{{Bytes: scaled(48 * mib), Min: 4 * kib, Max: mib}},
			read:   peer.Reading{Min: 16 * kib, Max: mib, Every: 6 * mib, Pause: 40 * time.Millisecond},
		},
		{
			name:   "slow writer",
			stages: []peer.Stage{{Bytes: scaled(768 * kib), Min: 1, Max: 8 * kib, Pause: 100 * time.Microsecond}},
		},
		{
			name:   "writes of one byte",
			stages: []peer.Stage{{Bytes: scaled(50_000), Min: 1, Max: 1}},
		},
		{
			name:   "reads of a few bytes",
			stages: []peer.Stage{{Bytes: scaled(mib), Min: 1, Max: 64 * kib}},
			read:   peer.Reading{Min: 1, Max: 100},
		},
		{name: "between copying and splicing", stages: changing(6)},
	}
}

// changing makes a flow stream and chat in turn, so that it copies, splices and
// copies again. A lockstep chunk is a wake of its own: nothing of the next one can
// be there yet. Sizes around the small buffer (16 KiB) are where the rules meet.
func changing(rounds int) []peer.Stage {
	var all []peer.Stage
	for range rounds {
		all = append(
			all,
			peer.Stage{Bytes: scaled(16 * kib), Min: 1, Max: 500, Lockstep: true},
			peer.Stage{Bytes: scaled(6 * mib), Min: 64 * kib, Max: mib},
			peer.Stage{Bytes: scaled(512 * kib), Min: 2 * kib, Max: 32 * kib, Lockstep: true},
			peer.Stage{Bytes: scaled(64 * kib), Min: 1, Max: 200},
			peer.Stage{Bytes: scaled(2 * mib), Min: 15 * kib, Max: 17 * kib, Lockstep: true},
			peer.Stage{Bytes: scaled(3 * mib), Min: 1, Max: 128 * kib},
		)
	}
	return all
}

// Every byte arrives, in both directions at once, however it is written and read.
func TestIntegrity(t *testing.T) {
	for _, splice := range spliceModes {
		for _, tr := range transports {
			t.Run(splice+"/"+tr.name, func(t *testing.T) {
				r := setup{splice: splice, listen: tr.listen, backends: []string{tr.backend}}.start(t)
				for i, s := range shapes() {
					t.Run(s.name, func(t *testing.T) { carryShape(t, r, s, uint64(i)) })
				}
			})
		}
	}
}

// carryShape sends one session of this shape through and compares the program's own
// count.
func carryShape(t *testing.T, r *rig, s shape, seed uint64) {
	t.Helper()
	up := peer.NewFlow(2*seed+1, s.stages...).Slowly(s.read)
	down := peer.NewFlow(2*seed+2, s.stages...).Slowly(s.read)
	p := r.open(t)
	if err := p.carry(up, down); err != nil {
		t.Fatal(err)
	}
	if p.client.IsUnix() {
		// All unix clients have the same name in the log.
		r.SessionWhere(t, "a complete session", func(s harness.Session) bool {
			return s.Reason == "complete" && s.BytesUp == up.Bytes() && s.BytesDown == down.Bytes()
		})
		return
	}
	got := r.wantReason(t, p.client, "complete")
	if got.BytesUp != up.Bytes() || got.BytesDown != down.Bytes() {
		t.Errorf("logged %d bytes up and %d down, want %d and %d", got.BytesUp, got.BytesDown, up.Bytes(), down.Bytes())
	}
}

// A long stream each way at full speed: 1 GB by the default mode, less by the
// pinned ones unless all is asked for.
func TestIntegrityBulk(t *testing.T) {
	const gigabyte = 1_000_000_000
	for _, splice := range spliceModes {
		t.Run(splice, func(t *testing.T) {
			size := scaled(gigabyte)
			if splice != "auto" && !harness.Full {
				size /= 4
			}
			r := setup{splice: splice}.start(t)
			start := time.Now()
			carryShape(t, r, shape{stages: []peer.Stage{{Bytes: size, Min: 1, Max: 4 * mib}}}, 1)
			rate := float64(2*size) / 1e9 / time.Since(start).Seconds()
			t.Logf("%d bytes each way, %.2f GB/s in all", size, rate)
		})
	}
}

// Many sessions at once keep apart: each stream has bytes of its own, and a byte in
// the wrong session is found.
func TestIntegrityManySessions(t *testing.T) {
	for _, splice := range spliceModes {
		t.Run(splice, func(t *testing.T) {
			t.Parallel()
			r := setup{splice: splice}.start(t)
			carryMany(t, r, 48, scaled(4*mib))
		})
	}
}

// carryMany runs n sessions of this many bytes each way at once.
func carryMany(t *testing.T, r *rig, n int, bytes int64) {
	t.Helper()
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		p := r.open(t)
		all.Go(func() {
			seed := uint64(i) << 8
			if err := p.carry(bulk(seed+1, bytes), bulk(seed+2, bytes)); err != nil {
				errs[i] = fmt.Errorf("session %d: %w", i, err)
			}
		})
	}
	all.Wait()
	if err := join(errs); err != nil {
		t.Fatal(err)
	}
}

// The smallest chunk sizes make every boundary a boundary: whatever is cut
// differently must still be whole.
func TestIntegrityTinyBuffers(t *testing.T) {
	for _, splice := range spliceModes {
		t.Run(splice, func(t *testing.T) {
			t.Parallel()
			r := setup{splice: splice, edit: func(c *harness.Config) {
				c.Engine["copy_chunk"] = "4KiB"
				c.Engine["splice_chunk"] = "4KiB"
				c.Engine["pipe_size"] = "4KiB"
				c.Engine["pipe_budget"] = "64KiB"
			}}.start(t)
			for i := range 4 {
				carryShape(t, r, shape{stages: changing(1)}, uint64(i))
			}
			carryMany(t, r, 24, scaled(mib))
		})
	}
}

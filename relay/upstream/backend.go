package upstream

import (
	"sync/atomic"
	"time"

	"relay/relay/sock"
)

// fullShare is the share of a backend of weight 1 that is not in its slow start, so
// that a part of it is a whole number still.
const fullShare = 256

// Backend is one address of an upstream, with what runs on it. It is kept by its name
// from one configuration to the next, and outlives the last that named it for as long as
// a session holds it.
type Backend struct {
	Name    string // the address, and its identity
	Address sock.Address
	Unix    bool

	upstream *Upstream
	failures atomic.Int32 // connects in a row that failed
	cuts     atomic.Int32 // sessions in a row that it reset before its first byte

	// The rest is guarded by the upstream's lock.
	member          // as it is configured now
	tier     *tier  // nil = in no configuration any more
	load     int    // sessions on it, or on their way to it
	total    uint64 // sessions ever
	failed   uint64 // connects ever that failed
	override int    // weight set while running; -1 = none
	// elsewhere is how many sessions of the load another process has, which is handing
	// them to this one.
	elsewhere int
	drained   bool // takes nothing new, by order
	health    health
	ejection  ejection
	warmFrom  time.Time // since when its slow start runs; zero = it is over
	able      bool      // may have new sessions if it is up
	well      bool      // able, and up
	ready     bool      // stands in its tier's order

	// For the order of its tier.
	share  int     // weight × fullShare, less during a slow start
	pos    int     // place in a heap, or slot
	due    float64 // of turns
	opened bool
	taken  uint64 // of least
}

// Load is the number of sessions on the backend, or on their way to it.
func (b *Backend) Load() int {
	b.upstream.mu.Lock()
	defer b.upstream.mu.Unlock()
	return b.load
}

// Leave ends one session's hold on the backend. A session that waits for a place gets
// this one.
func (b *Backend) Leave() {
	u := b.upstream
	u.mu.Lock()
	defer u.mu.Unlock()
	b.load--
	t := b.tier
	if t == nil {
		if b.load == 0 && u.leaving[b.Name] == b {
			delete(u.leaving, b.Name)
		}
		return
	}
	t.load--
	if b.ready {
		t.order.loaded(b)
	}
	t.admit(b)
	u.serve()
}

// enter counts a session on to a backend that is ready.
func (b *Backend) enter() {
	b.load++
	b.total++
	b.tier.load++
	if b.full() {
		b.tier.setReady(b, false)
		return
	}
	b.tier.order.loaded(b)
}

func (b *Backend) full() bool { return b.sessionsMax > 0 && b.load >= b.sessionsMax }

// weightNow is the weight, by configuration or by order.
func (b *Backend) weightNow() int {
	if b.override >= 0 {
		return b.override
	}
	return b.weight
}

// shareAt is the share at a time: the weight, of which a backend in its slow start has a
// part that grows steadily from a hundredth.
func (b *Backend) shareAt(now time.Time, slowStart time.Duration) int {
	whole := b.weightNow() * fullShare
	if b.warmFrom.IsZero() || slowStart <= 0 {
		return whole
	}
	part := int(float64(whole) * float64(now.Sub(b.warmFrom)) / float64(slowStart))
	return min(max(part, whole/100, 1), whole)
}

package listen

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"relay/relay/loop"
)

// source is who counts as one client: an IPv4 address or an IPv6 /64, the least that a
// customer of a provider gets (RFC 6177), since a host may take any address in it.
type source uint64

// sourceOf packs both families into one number: IPv4 goes where IPv6 has 0:1::/32, which
// is reserved for ever.
func sourceOf(ip netip.Addr) source {
	b := ip.As16()
	var n uint64
	for _, c := range b[:8] {
		n = n<<8 | uint64(c)
	}
	if ip.Unmap().Is4() {
		n = 1 << 32
		for _, c := range b[12:] {
			n = n&^0xffffffff | (n<<8|uint64(c))&0xffffffff
		}
	}
	return source(n)
}

const (
	// shards divide the lock that every accept of a limited service takes.
	shards = 64
	// shardMost bounds the sources that a shard remembers beside those with sessions:
	// 64 Ki in all, some 3 MB.
	shardMost = 1024
	// forgetTries is how many are looked at to find one to forget.
	forgetTries = 8
)

// sources are the limits per source of one service, over all loops. Sources that have
// sessions are always remembered; others only for their rate, until it allows a full
// burst again or until there are too many.
type sources struct {
	limits atomic.Pointer[sourceLimits]
	seed   maphash.Seed
	shards [shards]shard
}

// sourceLimits are those in force; a reload may change them.
type sourceLimits struct {
	sessionsMax int64
	interval    int64 // between two sessions, in nanoseconds; 0 = no limit
	burst       int64 // how far ahead of the clock a source may get
}

type shard struct {
	mu   sync.Mutex
	seen map[source]use
}

// use is what a source has used. Its rate is kept as the time at which its sessions
// would all have started had they come evenly (the "generic cell rate algorithm"): one
// number, and nothing to refill.
type use struct {
	sessions int64
	due      int64
}

// newSources is nil where nothing is limited.
func newSources(sessionsMax, rate int) *sources {
	if sessionsMax == 0 && rate == 0 {
		return nil
	}
	s := &sources{seed: maphash.MakeSeed()}
	s.limit(sessionsMax, rate)
	for i := range s.shards {
		s.shards[i].seen = map[source]use{}
	}
	return s
}

// limit sets the limits. What is known of each source is kept.
func (s *sources) limit(sessionsMax, rate int) {
	l := &sourceLimits{sessionsMax: int64(sessionsMax)}
	if rate > 0 {
		l.interval = max(int64(time.Second)/int64(rate), 1)
		l.burst = int64(time.Second) - l.interval
	}
	s.limits.Store(l)
}

// shard is chosen by a hash that a flood cannot aim.
func (s *sources) shard(from source) *shard {
	return &s.shards[maphash.Comparable(s.seed, from)%shards]
}

// enter counts a session in, or refuses it.
func (s *sources) enter(from source, now int64) bool {
	sh, l := s.shard(from), s.limits.Load()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	u, known := sh.seen[from]
	if l.sessionsMax > 0 && u.sessions >= l.sessionsMax {
		return false
	}
	if l.interval > 0 {
		due := max(u.due, now)
		if due-now > l.burst {
			return false
		}
		u.due = due + l.interval
	}
	if !known && len(sh.seen) >= shardMost {
		sh.forget(now)
	}
	u.sessions++
	sh.seen[from] = u
	return true
}

// arrive counts in a session that was let in elsewhere.
func (s *sources) arrive(from source, now int64) {
	sh := s.shard(from)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	u, known := sh.seen[from]
	if !known && len(sh.seen) >= shardMost {
		sh.forget(now)
	}
	u.sessions++
	sh.seen[from] = u
}

// leave counts a session out, and forgets a source that there is nothing left to know
// of.
func (s *sources) leave(from source, now int64) {
	sh := s.shard(from)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	u := sh.seen[from]
	u.sessions--
	if u.sessions <= 0 && (u.due <= now || len(sh.seen) > shardMost) {
		delete(sh.seen, from)
		return
	}
	sh.seen[from] = u
}

// forget makes room: of a few sources, taken as they come, those go that could start a
// full burst anyway, or else the one nearest to it. One with sessions never goes, so
// there may be more than shardMost, but no more than that and the sessions.
func (sh *shard) forget(now int64) {
	var oldest source
	least, tries := int64(loop.Never), 0
	for from, u := range sh.seen {
		switch {
		case u.sessions > 0:
		case u.due <= now:
			delete(sh.seen, from)
			least = 0
		case u.due < least:
			oldest, least = from, u.due
		}
		if tries++; tries == forgetTries {
			break
		}
	}
	if least > 0 && least < loop.Never {
		delete(sh.seen, oldest)
	}
}

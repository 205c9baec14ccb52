package upstream

import "time"

// What an operator, or whoever acts for one, can do to a backend while relay runs. It
// holds until it is taken back, or the configured weight changes, or relay restarts.

// SetDrained takes a backend out of service, or back into it. The sessions on it go on.
func (u *Upstream) SetDrained(b *Backend, drained bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if b.tier == nil || b.drained == drained {
		return
	}
	b.drained = drained
	if !drained {
		u.startSlowly(b)
	}
	u.review(b)
	u.log.Info().Str("backend", b.Name).Bool("drained", drained).Int("sessions", b.load).Msg("backend drained or enabled by order")
}

// SetWeight gives a backend another weight than the configured one, 0 to 256; -1 takes
// it back.
func (u *Upstream) SetWeight(b *Backend, weight int) {
	u.change.Lock()
	defer u.change.Unlock()
	u.mu.Lock()
	b.override = weight
	u.mu.Unlock()
	u.arrange(u.Config(), u.members) // source_hash needs its table built anew
	u.log.Info().Str("backend", b.Name).Int("weight", weight).Msg("backend weighed by order")
}

// review takes note of a change to a backend and serves those who wait if it made room.
func (u *Upstream) review(b *Backend) {
	if b.tier == nil {
		return
	}
	c := u.Config()
	b.tier.weigh(b, b.shareAt(u.clock(), c.SlowStart))
	b.tier.review(b, c.PanicThreshold)
	u.serve()
}

// View is what a status page shows of a backend.
type View struct {
	Name     string
	State    string // up | down | ejected | drained
	Why      string // it is not up
	Since    time.Time
	Weight   int // as it is now
	Backup   bool
	Sessions int
	Limit    int    // sessions_max; 0 = none
	Total    uint64 // sessions ever
	Failed   uint64 // connects ever that failed
}

// View is the backend as it is now.
func (b *Backend) View() View {
	b.upstream.mu.Lock()
	defer b.upstream.mu.Unlock()
	v := View{
		Name: b.Name, State: "up", Since: b.health.since, Weight: b.weightNow(), Backup: b.rank >= backupRank,
		Sessions: b.load, Limit: b.sessionsMax, Total: b.total, Failed: b.failed,
	}
	switch {
	case !b.health.up():
		v.State, v.Why = "down", b.health.why
	case b.ejection.on:
		v.State, v.Why, v.Since = "ejected", b.ejection.why, b.ejection.since
	case b.drained || v.Weight == 0:
		v.State = "drained"
	}
	return v
}

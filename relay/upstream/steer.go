package upstream

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

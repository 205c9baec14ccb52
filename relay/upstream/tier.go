package upstream

// tier is the backends of one rank: 0 for the ordinary ones, and a higher one for those
// that are used when no lower tier has any (backups, or what SRV records call priority).
type tier struct {
	rank  int
	order order
	all   []*Backend
	load  int // sessions on its backends
	able  int // backends that may have new sessions if they are up
	well  int // of these, the ones that are up
	ready int // of these, the ones with room: they stand in order
	panic bool
}

// usable is the number of backends that a session can be given to, now or when there is
// room.
func (t *tier) usable() int {
	if t.panic {
		return t.able
	}
	return t.well
}

// review takes note of what may have changed of a backend. It costs as much as a pick,
// unless it begins or ends a panic of the whole tier.
func (t *tier) review(b *Backend, panicBelow int) {
	count(&t.able, &b.able, b.weightNow() > 0 && !b.drained)
	count(&t.well, &b.well, b.able && b.health.up() && !b.ejection.on)
	before := t.panic
	t.panic = t.well < t.able && t.well*100 < panicBelow*t.able
	if t.panic == before {
		t.admit(b)
		return
	}
	for _, m := range t.all {
		t.admit(m)
	}
}

// count keeps n at the number of flags that are set.
func count(n *int, flag *bool, now bool) {
	if *flag == now {
		return
	}
	*flag = now
	if now {
		*n++
	} else {
		*n--
	}
}

// admit lets a backend stand in the order exactly if sessions can be given to it.
func (t *tier) admit(b *Backend) {
	t.setReady(b, (b.well || t.panic && b.able) && !b.full())
}

func (t *tier) setReady(b *Backend, ready bool) {
	if b.ready == ready {
		return
	}
	b.ready = ready
	if ready {
		t.ready++
		t.order.add(b)
		return
	}
	t.ready--
	t.order.remove(b)
}

// weigh sets a backend's share.
func (t *tier) weigh(b *Backend, share int) {
	before := b.share
	if share == before {
		return
	}
	if !b.ready || share == 0 || before == 0 {
		t.setReady(b, false)
		b.share = share
		return
	}
	b.share = share
	t.order.weighed(b, before)
}

// take chooses a backend that is not among those that were tried; nil if none is ready.
func (t *tier) take(hash uint64, tried []*Backend) *Backend {
	for _, b := range tried {
		if b.ready && b.tier == t {
			t.setReady(b, false)
			defer t.setReady(b, true)
		}
	}
	return t.order.take(hash)
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

package upstream

import "time"

// What an operator, or whoever acts for one, can do to a backend while relay runs. It
// holds until it is taken back, or the configured weight changes, or relay restarts.

// SetDrained takes a backend out of service, or back into it. The sessions on it go on.
func (u *Upstream) SetDrained(b *Backend, drained bool) {
	u.change.Lock()
	defer u.change.Unlock()
	b.drained = drained
	u.arrange(u.Backends())
	u.log.Info().Str("backend", b.Name).Bool("drained", drained).Int("sessions", b.Load()).Msg("backend drained or enabled by order")
}

// SetWeight gives a backend another weight than the configured one, 0 to 256; -1 takes
// it back.
func (u *Upstream) SetWeight(b *Backend, weight int) {
	u.change.Lock()
	defer u.change.Unlock()
	b.override = weight
	u.arrange(u.Backends())
	u.log.Info().Str("backend", b.Name).Int("weight", weight).Msg("backend weighed by order")
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
	b.upstream.change.Lock()
	defer b.upstream.change.Unlock()
	v := View{
		Name: b.Name, State: "up", Weight: b.weightNow(),
		Sessions: b.Load(), Limit: int(b.max.Load()), Total: b.total.Load(),
	}
	if b.drained || v.Weight == 0 {
		v.State = "drained"
	}
	return v
}

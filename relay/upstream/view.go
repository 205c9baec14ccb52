package upstream

import "time"

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

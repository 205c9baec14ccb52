package upstream

import (
	"context"
	"slices"
	"time"
)

// warmStep is how often a slow start goes a step up.
const warmStep = 100 * time.Millisecond

// startSlowly begins the slow start of a backend that comes back or is new.
func (u *Upstream) startSlowly(b *Backend) {
	if u.Config() == nil || u.Config().SlowStart <= 0 {
		return
	}
	b.warmFrom = u.clock()
	if !slices.Contains(u.warming, b) {
		u.warming = append(u.warming, b)
	}
	u.wakeTender()
}

// warm gives the backends in their slow start what they are due by now.
func (u *Upstream) warm(now time.Time) {
	c := u.Config()
	u.warming = slices.DeleteFunc(u.warming, func(b *Backend) bool {
		if now.Sub(b.warmFrom) >= c.SlowStart {
			b.warmFrom = time.Time{}
		}
		if b.tier != nil {
			b.tier.weigh(b, b.shareAt(now, c.SlowStart))
			b.tier.admit(b)
		}
		return b.warmFrom.IsZero()
	})
}

// tend does what only time brings about: steps of slow starts, and ends of ejections.
func (u *Upstream) tend(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.nudge:
		case <-timer.C:
		}
		timer.Reset(u.tick(u.clock()))
	}
}

// tick does what is due, and says in how long the next is.
func (u *Upstream) tick(now time.Time) time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.readmit(now)
	u.warm(now)
	next := time.Hour
	for _, b := range u.ejected {
		next = min(next, b.ejection.until.Sub(now))
	}
	if len(u.warming) > 0 {
		next = min(next, warmStep)
	}
	return next
}

func (u *Upstream) wakeTender() {
	select {
	case u.nudge <- struct{}{}:
	default:
	}
}

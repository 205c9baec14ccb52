package upstream

import (
	"time"

	"relay/config"
)

// health is what active checks have found. A backend is up until one says otherwise:
// the first outcome decides at once, later ones when enough of them in a row agree.
//
//	up ──fall failures in a row──► down
//	   ◄──rise successes in a row──
type health struct {
	down    bool
	checked bool // there has been an outcome
	against int  // outcomes in a row that speak against the state
	why     string
	since   time.Time
}

func (h *health) up() bool { return !h.down }

// note takes in the outcome of a check, "" for a good one, and reports whether it
// changed the state.
func (h *health) note(failure string, c *config.HealthCheck, now time.Time) bool {
	first := !h.checked
	h.checked = true
	if down := failure != ""; down == h.down {
		h.against = 0
		if down {
			h.why = failure
		}
		return false
	}
	h.against++
	needed := c.Fall
	if h.down {
		needed = c.Rise
	}
	if !first && h.against < needed {
		return false
	}
	h.down, h.why, h.against, h.since = !h.down, failure, 0, now
	return true
}

// Checked reports the outcome of a health check; "" is a good one.
func (b *Backend) Checked(failure string) {
	u := b.upstream
	u.mu.Lock()
	defer u.mu.Unlock()
	c := u.Config()
	if c.HealthCheck == nil || b.tier == nil || !b.health.note(failure, c.HealthCheck, u.clock()) {
		return
	}
	if b.health.up() {
		u.wentUp(b)
	} else {
		u.wentDown(b, c.OnDown)
	}
	u.review(b)
}

// wentUp takes a backend back, even from an ejection: the checks know better by now.
func (u *Upstream) wentUp(b *Backend) {
	u.endEjection(b)
	u.startSlowly(b)
	u.log.Info().Str("backend", b.Name).Msg("backend up")
}

func (u *Upstream) wentDown(b *Backend, then config.OnDown) {
	u.log.Warn().Str("backend", b.Name).Str("why", b.health.why).Int("sessions", b.load).Msg("backend down")
	if then == config.ResetSessions && u.OnDown != nil {
		u.OnDown(b)
	}
}

package upstream

import (
	"fmt"
	"slices"
	"time"

	"relay/config"
)

// ejection is the passive side of health: what sessions tell of a backend. One that
// fails again and again is left out for a while, and for longer each time.
type ejection struct {
	on    bool
	times int // in a row
	since time.Time
	until time.Time
	why   string
}

// ConnectFailed reports a connect that the backend refused or did not answer. A want of
// resources of our own is not to be reported.
func (b *Backend) ConnectFailed(why string) {
	n := b.failures.Add(1)
	u := b.upstream
	u.mu.Lock()
	defer u.mu.Unlock()
	b.failed++
	u.eject(b, int(n), "connects failed in a row, the last one: "+why)
}

// Connected reports a connect that went well.
func (b *Backend) Connected() {
	if b.failures.Load() != 0 {
		b.failures.Store(0)
	}
}

// Cut reports a session that the backend reset before it had sent a byte.
func (b *Backend) Cut() {
	n := b.cuts.Add(1)
	u := b.upstream
	u.mu.Lock()
	defer u.mu.Unlock()
	u.eject(b, int(n), "sessions in a row were reset before their first byte")
}

// Served reports a session for which the backend has sent something.
func (b *Backend) Served() {
	if b.cuts.Load() != 0 {
		b.cuts.Store(0)
	}
}

// eject leaves a backend out after n failures in a row, unless too many are out already:
// what fails everywhere at once is rather the network, or this machine.
func (u *Upstream) eject(b *Backend, n int, what string) {
	c := u.Config().Ejection
	if c == nil || n < c.Failures || b.ejection.on || b.tier == nil {
		return
	}
	if (len(u.ejected)+1)*100 > c.ShareMax*len(u.backends) {
		return
	}
	now := u.clock()
	b.ejection.begin(now, c)
	b.ejection.why = fmt.Sprintf("%d %s", n, what)
	u.ejected = append(u.ejected, b)
	u.log.Warn().Str("backend", b.Name).Str("why", b.ejection.why).
		Dur("for_ms", b.ejection.until.Sub(now)).Int("sessions", b.load).Msg("backend ejected")
	u.review(b)
	u.wakeTender()
}

// begin starts an ejection. One that did well for as long as it was last out is forgiven
// what was before.
func (e *ejection) begin(now time.Time, c *config.Ejection) {
	if now.Sub(e.until) > e.until.Sub(e.since) {
		e.times = 0
	}
	e.times++
	length := c.Time
	for i := 1; i < e.times && length < c.TimeMax; i++ {
		length *= 2
	}
	e.on, e.since, e.until = true, now, now.Add(min(length, c.TimeMax))
}

// readmit ends the ejections whose time is over.
func (u *Upstream) readmit(now time.Time) {
	for _, b := range slices.Clone(u.ejected) {
		if !now.Before(b.ejection.until) {
			u.endEjection(b)
			u.review(b)
		}
	}
}

// endEjection takes a backend back. It is on probation: the next failures count from
// none.
func (u *Upstream) endEjection(b *Backend) {
	if !b.ejection.on {
		return
	}
	b.ejection.on = false
	b.failures.Store(0)
	b.cuts.Store(0)
	u.ejected = slices.DeleteFunc(u.ejected, func(e *Backend) bool { return e == b })
	u.startSlowly(b)
	u.log.Info().Str("backend", b.Name).Dur("after_ms", u.clock().Sub(b.ejection.since)).Msg("backend back from ejection")
}

package proxy

import (
	"relay/config"
	"relay/relay/flow"
	"relay/relay/loop"
)

// pace holds the flows of a session to their rates: its own, and those it shares with
// all sessions of the listener. Sessions without a rate have none.
//
// A flow whose budget is used up is paused: it asks for nothing, so that no event comes,
// and goes on when the session's timer fires, on the next tick as a rule.
type pace [2]paced

// paced is the pace of one flow.
type paced struct {
	own    bucket
	shared *lease // nil = the listener has no rate this way
	paused bool
	resume int64 // when a paused flow goes on; loop.Never while it has its turn
}

// limits is what a listener's configuration says of rates, by flow.
type limits struct {
	session [2]int64
	shared  [2]*allowance
	any     bool
}

func newLimits(c *config.Rates) limits {
	l := limits{session: [2]int64{c.SessionUp, c.SessionDown}, any: c.Any()}
	for i, rate := range [2]int64{c.Up, c.Down} {
		if rate > 0 {
			l.shared[i] = &allowance{bucket: bucket{Rate: rate}}
		}
	}
	return l
}

// succeed goes on with the allowances of another configuration, at the rates of this one:
// the sessions of both share them.
func (l *limits) succeed(before *limits) {
	for i, a := range before.shared {
		if a != nil && l.shared[i] != nil {
			a.setRate(l.shared[i].bucket.Rate)
			l.shared[i] = a
		}
	}
}

// newPace is that of a fresh session, nil where the listener has no rates.
func (ss *Sessions) newPace(l *Listener) *pace {
	if !l.limits.any {
		return nil
	}
	p := new(pace)
	for i := range p {
		p[i].own = bucket{Rate: l.limits.session[i]}
	}
	ss.lend(p, l)
	return p
}

// lend gives a pace this loop's leases.
func (ss *Sessions) lend(p *pace, l *Listener) {
	leases := ss.leases[l.limits.shared]
	if leases == nil {
		leases = new([2]lease)
		for i := range leases {
			leases[i].from = l.limits.shared[i]
		}
		if ss.leases == nil {
			ss.leases = map[[2]*allowance]*[2]lease{}
		}
		ss.leases[l.limits.shared] = leases
	}
	for i := range p {
		if p[i].shared = nil; leases[i].from != nil {
			p[i].shared = &leases[i]
		}
	}
}

// budget is how many bytes the flow may take now.
func (p *paced) budget(now int64) int64 {
	if p.paused && now < p.resume && p.resume != loop.Never {
		return 0
	}
	budget := int64(flow.Unlimited)
	if p.own.Rate > 0 {
		most := burst
		if p.paused {
			most = overdue
		}
		p.own.refill(now, most)
		budget = p.own.Left
	}
	if p.shared != nil && budget > 0 {
		budget = min(budget, p.shared.share(now, p.paused))
	}
	return budget
}

// spent counts what a turn took of its budget. A flow that used it up is paused, one
// that did not has drained its source, and goes on when more comes. It reports whether
// that has changed.
func (p *paced) spent(took, budget, now int64) (changed bool) {
	if p.own.Rate > 0 {
		p.own.Left -= took
	}
	if p.shared != nil {
		p.shared.left -= took
	}
	if took < budget {
		return p.unpause()
	}
	if !p.paused {
		p.paused, changed = true, true
		if p.shared != nil {
			p.shared.wait(1)
		}
	}
	if p.resume <= now || p.resume == loop.Never {
		p.resume = p.next(now, took)
	}
	return changed
}

// next is the tick in which a flow that has taken this much goes on.
func (p *paced) next(now, took int64) int64 {
	wait := tick
	if p.own.Rate > 0 {
		wait = p.own.portion()
	}
	if p.shared != nil && took > 0 {
		wait = max(wait, p.shared.round)
	}
	return (now/tick + wait/tick) * tick
}

func (p *paced) unpause() (changed bool) {
	if !p.paused {
		return false
	}
	p.paused, p.resume = false, 0
	if p.shared != nil {
		p.shared.wait(-1)
	}
	return true
}

// leave ends the waiting of both flows: the session ends, or moves to another loop.
func (p *pace) leave() {
	for i := range p {
		p[i].unpause()
	}
}

// resumes is when the first paused flow goes on.
func (p *pace) resumes() int64 {
	at := int64(loop.Never)
	for i := range p {
		if p[i].paused {
			at = min(at, p[i].resume)
		}
	}
	return at
}

// moveWithin is a turn of a flow with a rate.
func (s *Session) moveWithin(i int) (status flow.Status, changed bool) {
	p, now := &s.pace[i], s.in.loop.Now()
	budget := p.budget(now)
	status, took := s.moveAll(i, budget)
	switch status {
	case flow.Moved, flow.Drained, flow.Blocked:
		changed = p.spent(took, budget, now)
		if at := s.pace.resumes(); at < s.timer.Due() {
			s.setTimer(at)
		}
	default:
		p.spent(took, budget, now)
		p.unpause()
	}
	return status, changed
}

// moveAll uses the budget up in one turn, unless that is a long one: a flow must not
// look as if its source were drained because a turn takes no more than a buffer.
func (s *Session) moveAll(i int, budget int64) (status flow.Status, took int64) {
	f, m := &s.flows[i], s.in.mover
	for {
		st, n := m.MoveWithin(f, &s.ends[i].End, &s.ends[1-i].End, budget-took)
		took += n
		if st != flow.Moved || n < int64(len(m.Buffer())) || took == budget || took >= int64(f.Chunk) {
			return st, took
		}
	}
}

// goOn gives the paused flows whose time has come their turn.
func (s *Session) goOn(now int64) {
	changed := false
	for i := range s.flows {
		if s.state != relaying {
			return
		}
		p, f := &s.pace[i], &s.flows[i]
		switch {
		case !p.paused || p.resume > now:
		case f.Holds() || f.CanFill():
			p.resume = loop.Never
			changed = s.turn(i) || changed
		default:
			p.unpause() // it was discarded while it waited
		}
	}
	if changed && s.state == relaying {
		s.ask()
	}
}

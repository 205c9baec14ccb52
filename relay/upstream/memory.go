package upstream

import (
	"net/netip"
	"slices"
	"time"
)

// Memory is what an upstream has learnt, as plain values for another process.
type Memory struct {
	Backends []BackendMemory
	Answers  map[string][]Answer `json:",omitempty"` // of the DNS, by name
}

// Answer is a backend that the DNS names.
type Answer struct {
	At     netip.AddrPort
	Weight int
	Rank   int
}

// BackendMemory is what is known of one backend.
type BackendMemory struct {
	Name          string
	Sessions      int // on it now
	Total, Failed uint64
	Weight        int // configured
	Override      int // by order; -1 = none
	Drained       bool
	Down, Checked bool
	Against       int
	Why           string
	Since         time.Time
	Failures      int32
	Cuts          int32
	Ejected       bool
	Ejections     int
	EjectedSince  time.Time
	EjectedUntil  time.Time
	EjectedWhy    string
	WarmFrom      time.Time
}

// Memory is what the upstream has learnt by now.
func (u *Upstream) Memory() Memory {
	u.change.Lock()
	defer u.change.Unlock()
	m := Memory{Answers: map[string][]Answer{}}
	for key, all := range u.discovery.answers {
		for _, f := range all {
			m.Answers[key] = append(m.Answers[key], Answer{f.at, f.weight, f.rank})
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range u.members {
		m.Backends = append(m.Backends, u.backends[u.members[i].name].memory())
	}
	return m
}

func (b *Backend) memory() BackendMemory {
	h, e := &b.health, &b.ejection
	return BackendMemory{
		Name: b.Name, Sessions: b.load, Total: b.total, Failed: b.failed,
		Weight: b.weight, Override: b.override, Drained: b.drained,
		Down: h.down, Checked: h.checked, Against: h.against, Why: h.why, Since: h.since,
		Failures: b.failures.Load(), Cuts: b.cuts.Load(),
		Ejected: e.on, Ejections: e.times, EjectedSince: e.since, EjectedUntil: e.until, EjectedWhy: e.why,
		WarmFrom: b.warmFrom,
	}
}

// Recall takes over what another process has learnt, as far as this configuration has a
// use for it. The other's sessions count as loads until Arrive or Elsewhere says more.
func (u *Upstream) Recall(m Memory) {
	u.change.Lock()
	defer u.change.Unlock()
	members := u.members
	if u.recallAnswers(m.Answers) {
		if all, err := u.memberList(u.Config()); err == nil {
			members = all
		}
	}
	u.arrange(u.Config(), members)
	u.mu.Lock()
	for i := range m.Backends {
		if b := u.backends[m.Backends[i].Name]; b != nil {
			u.recall(b, &m.Backends[i])
		}
	}
	u.mu.Unlock()
	u.arrange(u.Config(), members) // weights by order need their tables built anew
	u.watchAll(u.Config().HealthCheck)
	u.wakeTender()
}

// recallAnswers reports whether there was an answer for a name that has none here yet.
func (u *Upstream) recallAnswers(answers map[string][]Answer) (news bool) {
	wanted := lookupsOf(u.Config())
	for key, all := range answers {
		if _, known := u.discovery.answers[key]; known || wanted[key] == nil {
			continue
		}
		for _, a := range all {
			u.discovery.answers[key] = append(u.discovery.answers[key], found{a.At, a.Weight, a.Rank})
		}
		news = true
	}
	return news
}

func (u *Upstream) recall(b *Backend, m *BackendMemory) {
	c := u.Config()
	b.addLoad(m.Sessions - b.elsewhere)
	b.elsewhere = m.Sessions
	b.total, b.failed, b.drained = m.Total, m.Failed, m.Drained
	b.failures.Store(m.Failures)
	b.cuts.Store(m.Cuts)
	if b.override = -1; b.weight == m.Weight {
		b.override = m.Override
	}
	if c.HealthCheck != nil {
		b.health = health{down: m.Down, checked: m.Checked, against: m.Against, why: m.Why, since: m.Since}
	}
	if c.Ejection != nil {
		b.ejection = ejection{on: m.Ejected, times: m.Ejections, since: m.EjectedSince, until: m.EjectedUntil, why: m.EjectedWhy}
		if at := slices.Index(u.ejected, b); m.Ejected && at < 0 {
			u.ejected = append(u.ejected, b)
		} else if !m.Ejected && at >= 0 {
			u.ejected = slices.Delete(u.ejected, at, at+1)
		}
	}
	b.warmFrom = time.Time{}
	if c.SlowStart > 0 && u.clock().Sub(m.WarmFrom) < c.SlowStart {
		b.warmFrom = m.WarmFrom
		if !slices.Contains(u.warming, b) {
			u.warming = append(u.warming, b)
		}
	}
}

// addLoad counts sessions on or off.
func (b *Backend) addLoad(n int) {
	b.load += n
	t := b.tier
	if t == nil {
		return
	}
	t.load += n
	if b.ready && !b.full() {
		t.order.loaded(b)
		return
	}
	t.admit(b)
}

// Arrive counts in a session that comes from another process, with the backend that it
// is on there. One that is no member here serves its sessions and takes no others.
func (u *Upstream) Arrive(name string) *Backend {
	u.mu.Lock()
	defer u.mu.Unlock()
	b := u.named(name)
	if b.elsewhere > 0 {
		b.elsewhere-- // it has been counted
	} else {
		b.addLoad(1)
	}
	return b
}

// Named is the backend of this name, or one that is no member.
func (u *Upstream) Named(name string) *Backend {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.named(name)
}

func (u *Upstream) named(name string) *Backend {
	if b := u.backends[name]; b != nil {
		return b
	}
	return &Backend{Name: name, upstream: u, override: -1}
}

// Elsewhere says how many sessions another process still has on each backend; they count
// as load here, too.
func (u *Upstream) Elsewhere(sessions map[string]int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, b := range u.backends {
		n := sessions[b.Name]
		b.addLoad(n - b.elsewhere)
		b.elsewhere = n
	}
	u.serve()
}

// Loads are the sessions on each backend.
func (u *Upstream) Loads() map[string]int {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := map[string]int{}
	for _, b := range u.backends {
		if b.load > 0 {
			all[b.Name] = b.load
		}
	}
	return all
}

// HoldQueue keeps places that become free from those who wait in the queue, while its
// sessions move to another process, which counts the places as taken.
func (u *Upstream) HoldQueue(yes bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.held = yes
	if !yes {
		u.serve()
	}
}

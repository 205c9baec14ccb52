package upstream

import (
	"cmp"
	"fmt"
	"slices"

	"relay/config"
	"relay/relay/sock"
)

// member is an address that is to be a backend, and on which terms.
type member struct {
	name        string
	address     sock.Address
	unix        bool
	weight      int
	sessionsMax int
	rank        int // of its tier
	place       int // in the list
}

// backupRank is the rank of backups, behind every priority of an SRV record.
const backupRank = 1 << 16

// memberList is what a configuration names by address, and what the DNS has answered for
// the names in it. An address that comes up twice counts once.
func (u *Upstream) memberList(c *config.Upstream) ([]member, error) {
	var all []member
	seen := map[string]bool{}
	add := func(a config.Address, terms member) error {
		m, err := newMember(a)
		if err != nil {
			return fmt.Errorf("backend %s: %w", a, err)
		}
		if !seen[m.name] {
			seen[m.name] = true
			m.weight, m.sessionsMax, m.rank, m.place = terms.weight, terms.sessionsMax, terms.rank, len(all)
			all = append(all, m)
		}
		return nil
	}
	for _, bc := range c.Backends {
		for _, a := range u.discovery.addressesOf(bc.Address) {
			if err := add(a, termsOf(bc)); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range u.discovery.answers[c.Discover] {
		if err := add(config.Address{TCP: f.at}, member{weight: f.weight, rank: f.rank}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func termsOf(c config.Backend) member {
	terms := member{weight: c.Weight, sessionsMax: c.SessionsMax}
	if c.Backup {
		terms.rank = backupRank
	}
	return terms
}

func newMember(a config.Address) (member, error) {
	m := member{name: a.String(), unix: a.IsUnix()}
	var err error
	if m.unix {
		m.address, err = sock.UnixAddress(a.Unix)
	} else {
		m.address, err = sock.TCPAddress(a.TCP)
	}
	return m, err
}

// arrange makes these the members, on the terms of c. u.change is held.
func (u *Upstream) arrange(c *config.Upstream, members []member) {
	before := u.config.Load()
	tables := u.tables(c, members)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.config.Store(c)
	u.members = members
	stays := make(map[string]bool, len(members))
	for i := range members {
		stays[members[i].name] = true
	}
	for name, b := range u.backends {
		if !stays[name] {
			b.leaveTier()
			u.forget(b)
		}
	}
	if before == nil || before.Balance != c.Balance || before.HashFactor != c.HashFactor {
		for _, b := range u.backends {
			b.leaveTier()
		}
		u.tiers = nil
	}
	for i := range members {
		u.place(c, &members[i])
	}
	u.settle(c, tables)
}

// place gives a member its backend, and the backend its tier.
func (u *Upstream) place(c *config.Upstream, m *member) {
	b := u.backends[m.name]
	if b == nil {
		b = u.welcome(m)
	} else if b.weight != m.weight {
		b.override = -1
	}
	switch {
	case b.tier == nil:
	case b.rank != m.rank:
		b.leaveTier()
	case b.place != m.place:
		b.tier.setReady(b, false) // until it is reviewed: its place orders it
	}
	b.member = *m
	if b.tier == nil {
		b.joinTier(u.tierOf(c, m.rank))
	}
}

// welcome makes the backend of a new member, or takes back one that still has sessions
// from when it was one: they count.
func (u *Upstream) welcome(m *member) *Backend {
	b := u.leaving[m.name]
	if b == nil {
		b = &Backend{Name: m.name, Address: m.address, Unix: m.unix, upstream: u}
	}
	delete(u.leaving, m.name)
	u.backends[m.name] = b
	b.override = -1
	b.health = health{since: u.clock()}
	if u.started {
		u.startSlowly(b)
	}
	return b
}

// settle weighs all backends anew, drops empty tiers and hands out the tables.
func (u *Upstream) settle(c *config.Upstream, tables map[int][]uint16) {
	now := u.clock()
	u.tiers = slices.DeleteFunc(u.tiers, func(t *tier) bool { return len(t.all) == 0 })
	for _, t := range u.tiers {
		if h, ok := t.order.(*hashed); ok {
			h.table = tables[t.rank]
			h.sorted = slices.SortedFunc(slices.Values(t.all), func(a, b *Backend) int { return cmp.Compare(a.Name, b.Name) })
		}
		for _, b := range t.all {
			if c.HealthCheck == nil && b.health.down {
				b.health = health{since: now}
			}
			if c.Ejection == nil {
				u.endEjection(b)
			}
			t.weigh(b, b.shareAt(now, c.SlowStart))
			t.review(b, c.PanicThreshold)
		}
	}
	u.serve()
}

func (u *Upstream) tierOf(c *config.Upstream, rank int) *tier {
	i, found := slices.BinarySearchFunc(u.tiers, rank, func(t *tier, rank int) int { return cmp.Compare(t.rank, rank) })
	if !found {
		t := &tier{rank: rank}
		t.order = newOrder(c, t)
		u.tiers = slices.Insert(u.tiers, i, t)
	}
	return u.tiers[i]
}

func (b *Backend) joinTier(t *tier) {
	b.tier = t
	t.all = append(t.all, b)
	t.load += b.load
}

// leaveTier takes a backend out of its tier; the sessions on it go on.
func (b *Backend) leaveTier() {
	t := b.tier
	if t == nil {
		return
	}
	t.setReady(b, false)
	count(&t.able, &b.able, false)
	count(&t.well, &b.well, false)
	t.all = slices.DeleteFunc(t.all, func(m *Backend) bool { return m == b })
	t.load -= b.load
	b.tier = nil
}

// forget ends all that concerns a backend which is no member any more.
func (u *Upstream) forget(b *Backend) {
	delete(u.backends, b.Name)
	b.load -= b.elsewhere
	b.elsewhere = 0
	if b.load > 0 {
		u.leaving[b.Name] = b
	}
	b.ejection.on = false
	same := func(m *Backend) bool { return m == b }
	u.warming = slices.DeleteFunc(u.warming, same)
	u.ejected = slices.DeleteFunc(u.ejected, same)
}

// tables are the Maglev tables by rank of tier, where the balance asks for them. They
// take milliseconds to build.
func (u *Upstream) tables(c *config.Upstream, members []member) map[int][]uint16 {
	if c.Balance != config.SourceHash {
		return nil
	}
	byRank := map[int][]claimant{}
	for i := range members {
		m := &members[i]
		byRank[m.rank] = append(byRank[m.rank], claimant{m.name, u.weightOf(m)})
	}
	tables := map[int][]uint16{}
	for rank, all := range byRank {
		slices.SortFunc(all, func(a, b claimant) int { return cmp.Compare(a.name, b.name) })
		tables[rank] = maglev(all)
	}
	return tables
}

// weightOf is the weight that a member will have: what an operator has set stays until
// the configured weight changes.
func (u *Upstream) weightOf(m *member) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if b := u.backends[m.name]; b != nil && b.weight == m.weight {
		return b.weightNow()
	}
	return m.weight
}

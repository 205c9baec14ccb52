package upstream

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
)

// Upstream is a named pool of backends. Its methods may be called from anywhere.
type Upstream struct {
	Name string
	// OnDown, if set, is told of a backend that can no longer be reached while its
	// sessions are to be reset. It is set before Start, and must not block.
	OnDown func(*Backend)
	// Preface, if set, begins the connections of health checks. It is set before Start.
	Preface Preface

	config atomic.Pointer[config.Upstream]
	log    zerolog.Logger
	clock  func() time.Time

	// change is held while the members change, so that tables can be built without the
	// lock that picks need. It is taken before mu.
	change    sync.Mutex
	members   []member
	discovery discovery

	mu       sync.Mutex
	backends map[string]*Backend
	leaving  map[string]*Backend // no members any more, with sessions still on them
	tiers    []*tier             // by rank
	warming  []*Backend          // in their slow start
	ejected  []*Backend
	queue    list.List
	started  bool // backends that appear from now on start slowly
	held     bool // nobody in the queue is served

	nudge chan struct{} // tells the tending goroutine that there is more to tend
	running
}

// New builds an upstream from its configuration.
func New(c config.Upstream, log zerolog.Logger) (*Upstream, error) {
	u := &Upstream{
		Name: c.Name, log: log.With().Str("upstream", c.Name).Logger(), clock: time.Now,
		backends: map[string]*Backend{}, leaving: map[string]*Backend{}, nudge: make(chan struct{}, 1),
		discovery: discovery{answers: map[string][]found{}, ends: map[string]context.CancelFunc{}},
	}
	if err := u.Update(c); err != nil {
		return nil, err
	}
	return u, nil
}

// Config is the configuration as it is now.
func (u *Upstream) Config() *config.Upstream { return u.config.Load() }

// Update goes over to another configuration of the same upstream. What is known of the
// backends that stay (load, health, ejection) is kept; the others take nothing new.
func (u *Upstream) Update(c config.Upstream) error {
	u.change.Lock()
	defer u.change.Unlock()
	members, err := u.memberList(&c)
	if err != nil {
		return fmt.Errorf("upstream %q: %w", c.Name, err)
	}
	before := u.Config()
	if c.HashFactor > 0 {
		u.log.Info().Int("hash_balance_factor", c.HashFactor).
			Msg("a bound on the load is set: several relays do not agree on backends where it bites")
	}
	u.arrange(&c, members)
	if before != nil {
		u.watchAll(before.HealthCheck)
		u.lookUpAll(before)
	}
	return nil
}

// Backends are the backends now, in the order of their list.
func (u *Upstream) Backends() []*Backend {
	u.change.Lock()
	defer u.change.Unlock()
	all := make([]*Backend, len(u.members))
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range u.members {
		all[i] = u.backends[u.members[i].name]
	}
	return all
}

// Find is the backend of this name, or nil.
func (u *Upstream) Find(name string) *Backend {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.backends[name]
}

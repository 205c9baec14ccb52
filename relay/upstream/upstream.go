package upstream

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"relay/config"
)

// What a pick can fail with.
var (
	ErrNoBackend = errors.New("no backend takes new sessions")
	ErrFull      = errors.New("every backend is at its sessions_max")
)

// Upstream is a named pool of backends. Its methods may be called from anywhere.
type Upstream struct {
	Name   string
	log    zerolog.Logger
	config atomic.Pointer[config.Upstream]
	now    atomic.Pointer[members]
	next   atomic.Uint64
	change sync.Mutex // held while members change
}

// members are the backends at a time, and the order in which they are taken.
type members struct {
	backends []*Backend
	turns    schedule
}

// New builds an upstream from its configuration.
func New(c config.Upstream, log zerolog.Logger) (*Upstream, error) {
	u := &Upstream{Name: c.Name, log: log.With().Str("upstream", c.Name).Logger()}
	u.now.Store(&members{})
	if err := u.Update(c); err != nil {
		return nil, err
	}
	return u, nil
}

// Config is the configuration as it is now.
func (u *Upstream) Config() *config.Upstream { return u.config.Load() }

// Update goes over to another configuration of the same upstream. What is known of the
// backends that stay is kept; the others take nothing new.
func (u *Upstream) Update(c config.Upstream) error {
	u.change.Lock()
	defer u.change.Unlock()
	next := &members{}
	for _, bc := range c.Backends {
		b := u.Find(bc.Address.String())
		if b == nil {
			var err error
			if b, err = newBackend(u, bc); err != nil {
				return fmt.Errorf("upstream %q: backend %s: %w", c.Name, bc.Address, err)
			}
		}
		next.backends = append(next.backends, b)
	}
	for i, bc := range c.Backends {
		b := next.backends[i]
		b.max.Store(int64(bc.SessionsMax))
		if b.weight != bc.Weight {
			b.weight, b.override = bc.Weight, -1
		}
	}
	u.config.Store(&c)
	u.arrange(next.backends)
	return nil
}

// arrange puts the backends in the order in which they are taken. u.change is held.
func (u *Upstream) arrange(backends []*Backend) {
	weights := make([]int, len(backends))
	for i, b := range backends {
		if !b.drained {
			weights[i] = b.weightNow()
		}
	}
	u.now.Store(&members{backends: backends, turns: smooth(weights)})
}

// Backends are the backends now, in the order of their list.
func (u *Upstream) Backends() []*Backend { return u.now.Load().backends }

// Find is the backend of this name, or nil.
func (u *Upstream) Find(name string) *Backend {
	for _, b := range u.Backends() {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// Pick chooses the backend of a session and takes a place on it, which Leave gives
// back. It passes over those in tried, where a connect of this session has failed. One
// pick is one step along the schedule; only full and tried backends cost more.
func (u *Upstream) Pick(tried []*Backend) (*Backend, error) {
	now := u.now.Load()
	n := uint64(len(now.turns))
	if n == 0 {
		return nil, ErrNoBackend
	}
	full := false
	at := u.next.Add(1) - 1
	for i := range n {
		b := now.backends[now.turns[(at+i)%n]]
		if among(tried, b) {
			continue
		}
		if b.enter() {
			return b, nil
		}
		full = true
	}
	if full {
		return nil, ErrFull
	}
	return nil, ErrNoBackend
}

func among(list []*Backend, b *Backend) bool {
	for _, t := range list {
		if t == b {
			return true
		}
	}
	return false
}

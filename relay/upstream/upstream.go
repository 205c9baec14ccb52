package upstream

import (
	"errors"
	"fmt"
	"sync/atomic"

	"relay/config"
	"relay/relay/sock"
)

// What a pick can fail with.
var (
	ErrNoBackend = errors.New("no backend takes new sessions")
	ErrFull      = errors.New("every backend is at its sessions_max")
)

// Backend is one address of an upstream, with what runs on it. It outlives the
// configuration that named it for as long as a session holds it.
type Backend struct {
	Name    string // the address as configured; its identity
	Address sock.Address
	Unix    bool
	Weight  int
	max     int64
	load    atomic.Int64
}

// Load is the number of sessions on the backend, or on their way to it.
func (b *Backend) Load() int64 { return b.load.Load() }

// Leave ends one session's hold on the backend.
func (b *Backend) Leave() { b.load.Add(-1) }

// enter takes a place on the backend, unless it is full.
func (b *Backend) enter() bool {
	if n := b.load.Add(1); b.max > 0 && n > b.max {
		b.load.Add(-1)
		return false
	}
	return true
}

// Upstream is a named pool of backends.
type Upstream struct {
	Config   config.Upstream
	Backends []*Backend
	turns    schedule
	next     atomic.Uint64
}

// New builds an upstream from its configuration.
func New(c config.Upstream) (*Upstream, error) {
	u := &Upstream{Config: c}
	weights := make([]int, len(c.Backends))
	for i, bc := range c.Backends {
		b, err := newBackend(bc)
		if err != nil {
			return nil, fmt.Errorf("upstream %q: backend %s: %w", c.Name, bc.Address, err)
		}
		u.Backends = append(u.Backends, b)
		weights[i] = bc.Weight
	}
	u.turns = smooth(weights)
	return u, nil
}

func newBackend(c config.Backend) (*Backend, error) {
	b := &Backend{Name: c.Address.String(), Unix: c.Address.IsUnix(), Weight: c.Weight, max: int64(c.SessionsMax)}
	var err error
	if b.Unix {
		b.Address, err = sock.UnixAddress(c.Address.Unix)
	} else {
		b.Address, err = sock.TCPAddress(c.Address.TCP)
	}
	return b, err
}

// Pick chooses the backend of a session and takes a place on it, which Leave gives
// back. It passes over those in tried, where a connect of this session has failed. One
// pick is one step along the schedule; only full and tried backends cost more.
func (u *Upstream) Pick(tried []*Backend) (*Backend, error) {
	n := uint64(len(u.turns))
	if n == 0 {
		return nil, ErrNoBackend
	}
	full := false
	at := u.next.Add(1) - 1
	for i := range n {
		b := u.Backends[u.turns[(at+i)%n]]
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

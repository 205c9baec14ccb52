package upstream

import (
	"sync/atomic"

	"relay/config"
	"relay/relay/sock"
)

// Backend is one address of an upstream, with what runs on it. It is kept by its name
// from one configuration to the next, and outlives the last that named it for as long as
// a session holds it.
type Backend struct {
	Name    string // the address as configured; its identity
	Address sock.Address
	Unix    bool
	max     atomic.Int64
	load    atomic.Int64
	total   atomic.Uint64 // sessions ever

	upstream *Upstream

	// Guarded by the upstream's change.
	weight   int  // as configured
	override int  // weight set while running; -1 = none
	drained  bool // takes nothing new, by order
}

func newBackend(u *Upstream, c config.Backend) (*Backend, error) {
	b := &Backend{Name: c.Address.String(), Unix: c.Address.IsUnix(), weight: c.Weight, override: -1, upstream: u}
	var err error
	if b.Unix {
		b.Address, err = sock.UnixAddress(c.Address.Unix)
	} else {
		b.Address, err = sock.TCPAddress(c.Address.TCP)
	}
	return b, err
}

// Load is the number of sessions on the backend, or on their way to it.
func (b *Backend) Load() int { return int(b.load.Load()) }

// Leave ends one session's hold on the backend.
func (b *Backend) Leave() { b.load.Add(-1) }

// enter takes a place on the backend, unless it is full.
func (b *Backend) enter() bool {
	most := b.max.Load()
	if n := b.load.Add(1); most > 0 && n > most {
		b.load.Add(-1)
		return false
	}
	b.total.Add(1)
	return true
}

func (b *Backend) weightNow() int {
	if b.override >= 0 {
		return b.override
	}
	return b.weight
}

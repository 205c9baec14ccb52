package upstream

import (
	"errors"
	"net/netip"

	"relay/config"
)

// What a pick can fail with.
var (
	ErrNoBackend = errors.New("no backend takes new sessions")
	ErrFull      = errors.New("every backend is at its sessions_max")
	ErrQueueFull = errors.New("as many sessions wait for a backend as queue_max allows")
)

// Key is what a pick may depend on.
type Key struct {
	Client netip.AddrPort // the zero value for a unix socket
	SNI    string         // the server name that the client asked for, or ""
}

// Pick chooses the backend of a session and takes a place on it, which Leave gives back.
// It passes over those in tried, where a connect of this session has failed. It costs
// the logarithm of the number of backends at most; only tried ones cost more.
func (u *Upstream) Pick(key Key, tried []*Backend) (*Backend, error) {
	hash := u.hash(key)
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.pick(hash, tried)
}

// hash is the client's hash where it is asked for.
func (u *Upstream) hash(key Key) uint64 {
	c := u.Config()
	if c.Balance != config.SourceHash {
		return 0
	}
	return hashOf(c.Hash, key.Client, key.SNI)
}

// pick goes to the first tier that has a usable backend, and to the next one only when
// all of those have been tried: backups are no place for what exceeds sessions_max.
func (u *Upstream) pick(hash uint64, tried []*Backend) (*Backend, error) {
	for _, t := range u.tiers {
		if t.usable() == 0 {
			continue
		}
		if b := t.take(hash, tried); b != nil {
			b.enter()
			return b, nil
		}
		if t.usable() > t.ready {
			return nil, ErrFull
		}
	}
	return nil, ErrNoBackend
}

package proxy

import (
	"relay/config"
	"relay/relay/listen"
)

// Listener is what the sessions of one [[listener]] share, on every loop, under one
// configuration. Sessions keep the Listener that they began with when a reload brings
// another.
type Listener struct {
	Service          *listen.Service
	name             string
	Target           *Target // of sessions that no route matches
	routes           routes
	limits           limits
	ownChunk         int // bytes; 0 = as the target says
	engineChunk      int
	headerTimeout    int64
	idleTimeout      int64
	halfCloseTimeout int64
	sessionTimeout   int64 // 0 = none
}

// NewListener joins a service to the targets that its sessions may go to, by name.
func NewListener(s *listen.Service, c *config.Listener, targets map[string]*Target, engineChunk int) *Listener {
	return &Listener{
		Service: s, name: c.Name, Target: targets[c.Upstream], routes: newRoutes(c.Routes, targets),
		limits:   newLimits(&c.Rates),
		ownChunk: c.SpliceChunk, engineChunk: engineChunk,
		headerTimeout:    int64(c.HeaderTimeout),
		idleTimeout:      int64(c.IdleTimeout),
		halfCloseTimeout: int64(c.HalfCloseTimeout),
		sessionTimeout:   int64(c.SessionTimeout),
	}
}

// Succeed prepares the listener to take the place of another: what is known of its rates
// is kept. It comes before the first session.
func (l *Listener) Succeed(before *Listener) { l.limits.succeed(&before.limits) }

// chunk is the most that one turn of a flow splices, in bytes: the listener's, else the
// upstream's, else the engine's.
func (l *Listener) chunk(t *Target) int {
	switch {
	case l.ownChunk > 0:
		return l.ownChunk
	case t.Upstream.Config().SpliceChunk > 0:
		return t.Upstream.Config().SpliceChunk
	}
	return l.engineChunk
}

package relay

import (
	"relay/config"
	"relay/relay/admin"
	"relay/relay/upstream"
)

// interfaceOf opens the admin interface that a configuration asks for: the one at work
// if it is the same, nil if there is to be none.
func (s *Server) interfaceOf(c config.Admin) (*admin.Server, error) {
	now := s.parts.Load().admin
	switch {
	case !c.On():
		return nil, nil
	case now != nil && now.Same(c):
		return now, nil
	}
	if fd := s.adminSocket(c); fd >= 0 {
		return admin.Inherit(fd, c, s.controls(), s.log)
	}
	return admin.Open(c, s.controls(), s.log, s.inheritance.Named(c.Listen.Systemd))
}

// controls are what the admin interface can see and do.
func (s *Server) controls() admin.Relay {
	return admin.Relay{
		State:     s.observe,
		Sessions:  s.listSessions,
		Transfers: s.listTransfers,
		Queue:     s.queue,
		Forward:   s.order,
		Reload:    s.Reload,
		Upgrade:   s.Upgrade,
		Log:       s.setLogLevel,
		Reset:     s.resetSession,
		Drain:     s.drainBackend,
		Weight:    s.weighBackend,
	}
}

func (s *Server) setLogLevel(level string) {
	setLogLevel(level)
	s.log.Log().Str("level", level).Msg("log level set by order, until the next reload")
}

func (s *Server) drainBackend(name, backend string, drained bool) bool {
	u, b := s.findBackend(name, backend)
	if b == nil {
		return false
	}
	u.SetDrained(b, drained)
	return true
}

func (s *Server) weighBackend(name, backend string, weight int) bool {
	u, b := s.findBackend(name, backend)
	if b == nil {
		return false
	}
	u.SetWeight(b, weight)
	return true
}

// findBackend is a backend by its name and its upstream's, or nil.
func (s *Server) findBackend(name, backend string) (*upstream.Upstream, *upstream.Backend) {
	u := s.parts.Load().upstreams[name]
	if u == nil {
		return nil, nil
	}
	return u, u.Find(backend)
}

package relay

import (
	"time"

	"relay/config"
	"relay/relay/listen"
	"relay/relay/systemd"
)

// The descriptor store: a service manager that keeps descriptors (FileDescriptorStoreMax=)
// is given our listening sockets. A process that ends, whatever the cause, then
// refuses nobody: clients wait in the backlogs for the next one.

// pruneInheritance closes sockets that an earlier process has left and this configuration
// has no listener for.
func (s *Server) pruneInheritance(c *config.Config) {
	var keys []string
	for i := range c.Listeners {
		keys = append(keys, listen.Keys("listener", &c.Listeners[i].Service)...)
	}
	for i := range c.Drops {
		keys = append(keys, listen.Keys("drop", &c.Drops[i].Service)...)
	}
	s.inheritance.Prune(keys)
}

// settleInheritance says which of the sockets that were given nobody listens on, and
// closes those that are ours to close.
func (s *Server) settleInheritance(p *parts) {
	for _, key := range s.inheritance.CloseRest() {
		s.said(s.notifier.Forget(key))
	}
	s.warnOfUnused(p)
}

// warnOfUnused: clients of a socket unit whose sockets nobody uses wait in vain.
func (s *Server) warnOfUnused(p *parts) {
	used := map[string]bool{p.config.Admin.Listen.Systemd: true}
	for _, service := range p.services {
		for _, a := range service.Config.Listen {
			used[a.Systemd] = true
		}
	}
	for _, name := range s.inheritance.Names() {
		if !used[name] {
			s.log.Warn().Str("name", name).Msg(`nobody accepts what comes to these sockets of systemd; write listen = ["systemd:` + name + `"]`)
		}
	}
}

// store has the manager keep the sockets of the parts, and none but them. The admin
// interface's is not among them: between two processes, who asks whether relay is ready
// is to be told at once.
func (s *Server) store(p *parts) {
	if s.notifier.Room == 0 {
		return
	}
	own := map[string]systemd.Socket{}
	for _, service := range p.services {
		for _, so := range service.Own() {
			own[so.Name] = so
		}
	}
	for key := range s.stored {
		if _, ok := own[key]; !ok {
			s.said(s.notifier.Forget(key))
			delete(s.stored, key)
		}
	}
	for _, so := range own {
		s.storeOne(so)
	}
}

func (s *Server) storeOne(so systemd.Socket) {
	switch {
	case s.stored[so.Name]:
	case len(s.stored) >= s.notifier.Room:
		s.log.Warn().Int("FileDescriptorStoreMax", s.notifier.Room).Msg("systemd keeps no more listening sockets; during a restart the others refuse clients")
	default:
		if err := s.notifier.Keep(so.Name, so.FD); err != nil {
			s.said(err)
			return
		}
		s.stored[so.Name] = true
	}
}

// keepStored lets what waits in the backlogs of sockets that the manager keeps, or another
// process, wait there.
func (s *Server) keepStored(p *parts) {
	for _, service := range p.services {
		service.Keep(func(key string) bool { return s.stored[key] || !s.owns() })
	}
}

// own makes the listening sockets this process's own: it closes those that nobody needs,
// and stores the others with the manager.
func (s *Server) own(p *parts) {
	for _, service := range p.services {
		service.Keep(func(string) bool { return false })
	}
	s.settleInheritance(p)
	s.store(p)
	close(s.owned)
}

// drainTimeout is how long sessions may finish. Where new clients wait for the next
// process meanwhile, that is not long.
func (p *parts) drainTimeout() time.Duration {
	timeout := p.config.Engine.DrainTimeout
	for _, service := range p.services {
		if service.Kept() {
			return min(timeout, p.config.Engine.RestartDrain)
		}
	}
	return timeout
}

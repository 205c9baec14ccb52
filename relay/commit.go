package relay

import "relay/config"

// commit puts the next parts in the place of those at work. Nothing in it can fail but
// for want of memory, and that is retried by whom it concerns. Fresh sessions see the
// new parts, running ones go on with what they began with.
func (s *Server) commit(next *parts) {
	now := s.parts.Load()
	for i := range next.config.Upstreams {
		uc := next.config.Upstreams[i]
		if old := now.upstreams[uc.Name]; old != nil {
			old.Update(uc) // prepare has seen that it will do
		}
	}
	next.startUpstreams(now.upstreams)
	next.adoptForwards(now)
	now.stopForwards()
	for _, service := range next.services {
		service.succeed(now, s.workers)
	}
	s.parts.Store(next)
	s.each(func(i int, w *worker) { w.exchange(now, next, i) })
	s.each(func(int, *worker) {}) // a connection on its way between two loops has arrived, too
	next.startDrops(s.log)
	for _, service := range now.services {
		if service.drop != nil {
			service.drop.Close()
		}
	}
	now.stopUpstreams(next.upstreams)
	next.startForwards()
	s.exchangeAdmin(now, next)
	s.store(next)
	s.warnOfUnused(next)
}

// exchangeAdmin ends an interface beside the rest, because it may be the one by which the
// reload was ordered and which is to answer it.
func (s *Server) exchangeAdmin(now, next *parts) {
	if now.admin == next.admin {
		return
	}
	if next.admin != nil {
		next.admin.Serve()
	}
	if now.admin != nil {
		s.running.Go(now.admin.Close)
	}
}

// succeed prepares a service to take over from the one of its name, or to begin.
func (s *service) succeed(now *parts, workers []*worker) {
	old := now.successor(s)
	if old == nil {
		s.attach(workers)
		return
	}
	s.acceptors = old.acceptors
	s.Succeed(old.Service, len(workers))
	if old.listener != nil {
		s.listener.Succeed(old.listener)
	}
	if old.drop != nil {
		old.drop.SucceededBy(s.drop)
	}
}

// exchange does on one loop what commit does on all: sockets are given up before others
// are taken, because they may be the same.
func (w *worker) exchange(now, next *parts, i int) {
	for _, old := range now.services {
		successor := next.successor(old)
		switch {
		case successor != nil:
			old.acceptors[i].Release(successor.Service)
		default:
			old.acceptors[i].Stop()
			if old.drop != nil {
				w.conns.Retire(old.drop)
			}
		}
	}
	for _, s := range next.services {
		if now.successor(s) != nil {
			s.acceptors[i].Become(s.Service, s.taker(w))
		} else {
			s.acceptors[i].Begin()
		}
	}
	w.configure(next.config)
}

// configure sets what of [engine] and [log] can change while a loop runs.
func (w *worker) configure(c *config.Config) {
	w.mover.Mode = modes[c.Engine.Splice]
	w.sessions.LogAccess(c.Log.Access)
	w.conns.LogAccess(c.Log.Access)
}

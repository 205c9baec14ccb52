package relay

import (
	"maps"
	"time"

	"relay/relay/admin"
	"relay/relay/handover"
	"relay/relay/proxy"
	"relay/relay/systemd"
	"relay/relay/upstream"
)

// departPoll is how often a process that has handed over looks what it still has.
const departPoll = 50 * time.Millisecond

// depart ends what could not be moved: it goes on for as long as it wants, or until it
// can be moved after all. Only when this process is told to end, too, it has
// drain_timeout.
func (s *Server) depart(kill <-chan struct{}) {
	p := s.parts.Load()
	if p.admin != nil {
		s.running.Go(p.admin.Close) // beside the rest, since it may have to answer who asked for the upgrade
	}
	p.stopUpstreams(nil)
	for _, u := range p.upstreams {
		u.HoldQueue(false)
	}
	s.each(func(i int, w *worker) {
		w.drain(p, i) // what the new one does not listen on ends here
		w.pool.Empty()
	})
	p.stopForwards()
	s.after.Patient = true
	s.log.Info().Int64("sessions", s.capacity.Used()).Int("pid", s.after.PID()).Msg("handed over; ending what could not be moved")
	why := s.awaitLast(p, kill)
	s.each(func(_ int, w *worker) { w.finish(why) })
	s.after.Farewell(s.counts().Since(&s.told)) // without it some counts are missing, and nothing else
}

// awaitLast returns when the last session is gone, or why what remains is to be reset.
func (s *Server) awaitLast(p *parts, kill <-chan struct{}) proxy.Reason {
	look := time.NewTicker(departPoll)
	defer look.Stop()
	ending := s.ending.Done()
	var expired <-chan time.Time
	alive, said := s.tell(p, nil)
	for s.capacity.Used() > 0 {
		select {
		case <-look.C:
		case <-ending:
			ending, expired = nil, time.After(p.config.Engine.DrainTimeout)
			s.log.Info().Int64("sessions", s.capacity.Used()).Dur("timeout_ms", p.config.Engine.DrainTimeout).Msg("draining")
		case <-expired:
			return proxy.DrainTimeout
		case <-kill:
			return proxy.Killed
		}
		if alive {
			var u admin.Upgrade
			alive = s.moveAll(s.after, &u) == nil
		}
		if alive {
			alive, said = s.tell(p, said)
		}
	}
	return proxy.Killed
}

// tell lets the new process know what sessions this one still has, if that has changed.
// It reports whether it can still be told anything.
func (s *Server) tell(p *parts, said map[string]map[string]int) (alive bool, now map[string]map[string]int) {
	now = p.loads()
	if said != nil && maps.EqualFunc(now, said, maps.Equal) {
		return true, said
	}
	return s.after.Leave(handover.Left{Loads: now}) == nil, now
}

// counts are the counters of all loops.
func (s *Server) counts() handover.Counts {
	c := handover.NewCounts()
	for _, v := range gather(s, (*worker).view) {
		c.Add(&handover.Counts{Listeners: v.sessions, Drops: v.requests, Copied: v.copied, Spliced: v.spliced})
	}
	return c
}

// hand gives the listening sockets, with the admin interface's as the last. That one's
// descriptor is a duplicate.
func (p *parts) hand(borrowed []systemd.Socket) (names handover.Sockets, fds []int, err error) {
	add := func(name string, fd int) {
		names.Names, fds = append(names.Names, name), append(fds, fd)
	}
	for _, service := range p.services {
		for _, so := range service.Own() {
			add(so.Name, so.FD)
		}
	}
	for _, so := range borrowed {
		add(so.Name, so.FD)
	}
	if p.handsAdmin() {
		fd, err := p.admin.Hand()
		if err != nil {
			return names, nil, err
		}
		add(handover.AdminPrefix+p.config.Admin.Listen.String(), fd)
	}
	return names, fds, nil
}

// handsAdmin reports that the socket of the admin interface is relay's own.
func (p *parts) handsAdmin() bool { return p.admin != nil && p.config.Admin.Listen.Systemd == "" }

// memories are what the upstreams have learnt.
func (p *parts) memories() map[string]upstream.Memory {
	all := map[string]upstream.Memory{}
	for name, u := range p.upstreams {
		all[name] = u.Memory()
	}
	return all
}

// loads are the sessions by upstream and backend.
func (p *parts) loads() map[string]map[string]int {
	all := map[string]map[string]int{}
	for name, u := range p.upstreams {
		all[name] = u.Loads()
	}
	return all
}

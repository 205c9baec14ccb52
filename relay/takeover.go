package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/handover"
	"relay/relay/probe"
	"relay/relay/proxy"
	"relay/relay/sock"
)

func newSuccession(before *handover.Predecessor) *succession {
	s := &succession{
		program: handover.ThisProgram(), before: before, gone: make(chan struct{}), owned: make(chan struct{}), adminFD: -1,
	}
	if before != nil && before.AdminAt != "" {
		s.adminFD = before.AdminFD
	}
	return s
}

// adminSocket is the one that the process before had for the admin interface, if it is
// to be at the same address; else -1.
func (s *succession) adminSocket(c config.Admin) int {
	fd := s.adminFD
	if fd < 0 || c.Listen.String() != s.before.AdminAt {
		return -1
	}
	s.adminFD = -1
	return fd
}

// owns reports that the listening sockets are this process's own.
func (s *succession) owns() bool {
	select {
	case <-s.owned:
		return true
	default:
		return false
	}
}

// takeOwnership makes them so: the process before uses them no more. They are the next
// one's if that has them already.
func (s *Server) takeOwnership() {
	if s.owns() || s.state.Load() == leaving {
		return
	}
	for _, key := range s.before.Hello.Left {
		s.stored[key] = true
	}
	p := s.parts.Load()
	s.own(p)
	if s.adminFD >= 0 {
		sock.Close(s.adminFD)
		s.adminFD = -1
	}
	if p.admin != nil {
		p.admin.Share(false)
	}
	p.startForwards() // the one before has ended its own
}

// takeOver comes up beside the process before, and then takes its place.
func (s *Server) takeOver() error {
	defer context.AfterFunc(s.ending, s.before.Close)()
	if err := s.roomFor(s.before.Hello.Descriptors); err != nil {
		s.before.Refuse(err)
		return err
	}
	p := s.parts.Load()
	for name, m := range s.before.Hello.Upstreams {
		if u := p.upstreams[name]; u != nil {
			u.Recall(m)
		}
	}
	p.startUpstreams(nil)
	st, err := s.before.Ready(p.offer(s))
	if err != nil {
		return err
	}
	if st != nil {
		s.recall(p, st)
	} else {
		s.log.Warn().Int("pid", s.before.Hello.PID).Msg("the process before is gone: serving on its sockets, without its sessions")
	}
	if err := s.accept(); err != nil {
		s.before.Refuse(err)
		return err
	}
	if err := s.before.Taken(); err != nil {
		return err
	}
	s.following.Go(func() { s.follow(p) })
	return nil
}

// roomFor makes sure that as many descriptors can be opened as the process before has.
func (s *Server) roomFor(n int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("getrlimit RLIMIT_NOFILE: %w", err)
	}
	if uint64(n+probe.Reserve) > limit.Cur {
		return fmt.Errorf("%d descriptors are to be taken over, and the limit is %d: raise LimitNOFILE", n, limit.Cur)
	}
	return nil
}

// offer says what sessions can be taken on.
func (p *parts) offer(s *Server) handover.Ready {
	r := handover.Ready{Program: s.version, Admin: p.admin != nil && s.before.AdminAt == p.config.Admin.Listen.String()}
	for _, service := range p.services {
		for _, so := range service.Own() {
			r.Keys = append(r.Keys, so.Name)
		}
		if service.drop != nil {
			r.Drops = append(r.Drops, service.Config.Name)
		} else {
			r.Listeners = append(r.Listeners, service.Config.Name)
		}
	}
	for name := range p.upstreams {
		r.Upstreams = append(r.Upstreams, name)
	}
	return r
}

// recall takes over what the process before has counted and learnt.
func (s *Server) recall(p *parts, st *handover.State) {
	for name, m := range st.Upstreams {
		if u := p.upstreams[name]; u != nil {
			u.Recall(m)
		}
	}
	s.addCounts(&st.Counts)
	if st.LogLevel != "" {
		setLogLevel(st.LogLevel)
	}
}

// addCounts adds them to those of the first loop.
func (s *Server) addCounts(c *handover.Counts) {
	w := s.workers[0]
	w.loop.Post(func() {
		w.sessions.AddTallies(c.Listeners)
		w.conns.AddTallies(c.Drops)
		w.mover.Copied += c.Copied
		w.mover.Spliced += c.Spliced
	})
}

// follow takes on what comes from the process before, until that has ended.
func (s *Server) follow(first *parts) {
	for {
		event, err := s.before.Next()
		s.happened(first, event, err)
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			s.log.Error().Err(err).Msg("taking over ends early")
		}
		s.before.Close()
		return
	}
}

func (s *Server) happened(first *parts, event any, err error) {
	s.arriving.Lock() // the parts stay what they are meanwhile
	defer s.arriving.Unlock()
	p := s.parts.Load()
	switch event := event.(type) {
	case *handover.Arrived:
		s.adopt(first, event)
	case *handover.Left:
		s.takeOwnership()
		p.elsewhere(event.Loads)
	case *handover.Counts:
		s.addCounts(event)
	}
	if err != nil {
		s.takeOwnership()
		p.elsewhere(nil)
	}
}

// elsewhere tells the upstreams what sessions the process before still has.
func (p *parts) elsewhere(loads map[string]map[string]int) {
	for name, u := range p.upstreams {
		u.Elsewhere(loads[name])
	}
}

// adopt gives sessions that have arrived to the loops that have the fewest. What a reload
// has taken out of the configuration since this process came up is found in first.
func (s *Server) adopt(first *parts, a *handover.Arrived) {
	now := s.parts.Load()
	loads := make([]load, len(s.workers))
	for i := range a.Sessions {
		l := s.least(loads)
		l.sessions = append(l.sessions, arrive(&a.Sessions[i], a.FD, now, first))
	}
	for i := range a.Conns {
		r := &a.Conns[i]
		d := now.named("drop", r.Drop)
		if d == nil {
			sock.Close(a.FD(r.FD)) // as a reload does with connections between two requests
			continue
		}
		l := s.least(loads)
		l.conns = append(l.conns, r.Arrive(d.drop, a.FD))
	}
	for i, w := range s.workers {
		w.take(loads[i])
	}
}

// least is the load for the loop that has the fewest sessions, with what it is to get.
func (s *Server) least(loads []load) *load {
	least, fewest := 0, int64(math.MaxInt64)
	for i, w := range s.workers {
		if n := w.loop.Load.Load() + loads[i].count(); n < fewest {
			least, fewest = i, n
		}
	}
	return &loads[least]
}

func (l *load) count() int64 { return int64(len(l.sessions) + len(l.conns)) }

// arrive is a session of the process before, in the parts of this one.
func arrive(r *proxy.Record, fd func(int) int, now, first *parts) proxy.Moved {
	l := now.named("listener", r.Listener)
	if l == nil {
		l = first.named("listener", r.Listener)
	}
	target := now.targets[r.Upstream] // nil where none is chosen yet
	if target == nil {
		target = first.targets[r.Upstream]
	}
	return r.Arrive(l.listener, target, fd)
}

// named is the service of this role and name, or nil.
func (p *parts) named(role, name string) *service {
	for _, s := range p.services {
		if s.Role == role && s.Config.Name == name {
			return s
		}
	}
	return nil
}

// stopFollowing lets a batch that is on its way arrive, and ends what connects this
// process with the one before.
func (s *Server) stopFollowing() {
	if s.before != nil {
		s.before.Close()
		s.following.Wait()
	}
}

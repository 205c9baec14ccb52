package proxy

import (
	"net/netip"

	"relay/relay/flow"
	"relay/relay/upstream"
)

// Moved is a relaying session on its way from one loop to another: descriptors, pipes
// and plain values, registered nowhere. Whoever has it owns all of that, and must give
// it to Adopt or the bytes in its pipes are lost.
type Moved struct {
	ID        uint64
	Listener  *Listener
	Target    *Target
	Backend   *upstream.Backend
	Pace      *pace     // nil = no rates
	Who       *Identity // nil where nothing is known but the address
	Ends      [2]flow.End
	Flows     [2]flow.Flow
	Done      [2]bool
	Client    netip.AddrPort
	Accepted  int64 // nanoseconds of CLOCK_MONOTONIC, like the others, so that they mean the same anywhere on this machine
	Connected int64
	Active    int64
	Tried     []*upstream.Backend
}

// Quiesce takes a session out of its loop between two turns. One that is connecting or
// resetting stays where it is (false): that lasts moments.
func (ss *Sessions) Quiesce(s *Session) (Moved, bool) {
	if s.state != relaying {
		return Moved{}, false
	}
	m := Moved{
		ID: s.id, Listener: s.listener, Target: s.target, Backend: s.backend, Who: s.who, Pace: s.pace, Flows: s.flows, Done: s.done, Client: s.client,
		Accepted: s.accepted, Connected: s.connected, Active: s.active, Tried: s.tried,
	}
	for i := range s.ends {
		ss.loop.Leave(s.ends[i].token)
		m.Ends[i] = s.ends[i].End
		ss.mover.Detach(&s.flows[i])
	}
	if s.pace != nil {
		s.pace.leave()
	}
	ss.loop.StopTimer(&s.timer)
	ss.loop.Load.Add(-1)
	ss.release(s)
	return m, true
}

// Adopt goes on with a session that another loop has quiesced. As with a fresh one,
// whoever gives it has added it to the loop's Load.
func (ss *Sessions) Adopt(m Moved) {
	s := ss.open(m.Listener)
	s.target, s.who, s.pace = m.Target, m.Who, m.Pace
	if s.pace != nil {
		ss.lend(s.pace, s.listener)
	}
	s.id, s.backend, s.flows, s.done, s.client = m.ID, m.Backend, m.Flows, m.Done, m.Client
	s.accepted, s.connected, s.active, s.tried = m.Accepted, m.Connected, m.Active, m.Tried
	for i := range s.ends {
		s.ends[i].End = m.Ends[i]
		ss.mover.Attach(&s.flows[i])
	}
	s.setState(relaying)
	for i := range s.ends {
		e := &s.ends[i]
		token, errno := ss.loop.Register(e.FD, s, uint8(i), s.wanted(i))
		if errno != 0 {
			s.finishShort(errno)
			return
		}
		e.token = token
	}
	s.setTimer(s.active + s.quietLimit())
}

// Shed moves up to n sessions, the newest first, out of this loop and hands each to
// give, which passes it on to another.
func (ss *Sessions) Shed(n int, give func(Moved)) {
	for s := ss.newest; s != nil && n > 0; {
		older := s.older
		if m, ok := ss.Quiesce(s); ok {
			give(m)
			n--
		}
		s = older
	}
}

package proxy

import (
	"net/netip"

	"relay/relay/flow"
	"relay/relay/upstream"
)

// Moved is a session on its way from one loop to another: descriptors, pipes and plain
// values, registered nowhere. Whoever has it owns all of that, and must give it to Adopt
// or the bytes in its pipes are lost.
type Moved struct {
	ID        uint64
	Listener  *Listener
	Target    *Target // nil while the route is not known
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
	Due       int64 // when a session that is queued gives up
	Tried     []*upstream.Backend
	state     state
	uncounted bool
}

// Quiesce takes a session out of its loop between two turns. One that is connecting or
// resetting stays where it is (false): that lasts moments.
func (ss *Sessions) Quiesce(s *Session) (Moved, bool) {
	if !movable[s.state] {
		return Moved{}, false
	}
	m := Moved{
		ID: s.id, Listener: s.listener, Target: s.target, Backend: s.backend, Who: s.who, Pace: s.pace, Flows: s.flows, Done: s.done, Client: s.client,
		Accepted: s.accepted, Connected: s.connected, Active: s.active, Due: s.timer.Due(), Tried: s.tried, state: s.state, uncounted: s.uncounted,
	}
	for i := range s.ends {
		ss.loop.Unregister(s.ends[i].token)
		m.Ends[i] = s.ends[i].End
		ss.mover.Detach(&s.flows[i])
	}
	if s.pace != nil {
		s.pace.leave()
	}
	s.leaveQueue()
	ss.loop.StopTimer(&s.timer)
	ss.loop.Load.Add(-1)
	ss.release(s)
	return m, true
}

// movable are the states that a session can be moved in: nothing is under way but bytes
// in the kernel.
var movable = [...]bool{header: true, queued: true, relaying: true, resetting: false}

// Adopt goes on with a session that another loop has quiesced. As with a fresh one,
// whoever gives it has added it to the loop's Load.
func (ss *Sessions) Adopt(m Moved) {
	s := ss.open(m.Listener)
	s.target, s.who, s.pace = m.Target, m.Who, m.Pace
	if s.pace != nil {
		ss.lend(s.pace, s.listener)
	}
	s.id, s.backend, s.flows, s.done, s.client = m.ID, m.Backend, m.Flows, m.Done, m.Client
	s.accepted, s.connected, s.active, s.tried, s.uncounted = m.Accepted, m.Connected, m.Active, m.Tried, m.uncounted
	for i := range s.ends {
		s.ends[i].End = m.Ends[i]
		ss.mover.Attach(&s.flows[i])
	}
	switch m.state {
	case header:
		s.setState(header)
		s.look()
	case queued:
		s.setState(connecting)
		s.dial()
		if s.state == queued {
			s.setTimer(m.Due)
		}
	default:
		s.goOnRelaying()
	}
}

// goOnRelaying watches both ends for what they are wanted for.
func (s *Session) goOnRelaying() {
	s.setState(relaying)
	for i := range s.ends {
		e := &s.ends[i]
		token, errno := s.in.loop.Register(e.FD, s, uint8(i), s.wanted(i))
		if errno != 0 {
			s.finishShort(errno)
			return
		}
		e.token = token
	}
	s.setTimer(s.active + s.quietLimit())
}

// Shed moves up to n sessions that relay, the newest first, out of this loop and hands
// each to give, which passes it on to another.
func (ss *Sessions) Shed(n int, give func(Moved)) {
	for s := ss.newest; s != nil && n > 0; {
		older := s.older
		if s.state == relaying {
			m, _ := ss.Quiesce(s)
			give(m)
			n--
		}
		s = older
	}
}

// Gather takes sessions that can be moved out of this loop, for another process, with at
// most so many descriptors together: those that relay, and when there are none the
// others in the order in which they came, so that those in a queue keep it. knows says
// whether the other process has a listener and an upstream of these names; the name of an
// upstream that is not chosen yet is empty.
func (ss *Sessions) Gather(descriptors int, knows func(listener, upstream string) bool) []Moved {
	g := gathering{in: ss, room: descriptors, knows: knows}
	for s := ss.newest; s != nil && g.room >= sessionMost; {
		older := s.older
		if s.state == relaying {
			g.take(s)
		}
		s = older
	}
	if len(g.all) > 0 {
		return g.all
	}
	for s := ss.oldest(); s != nil && g.room >= sessionMost; {
		newer := s.newer
		g.take(s)
		s = newer
	}
	return g.all
}

// sessionMost is the most descriptors that a session has: two sockets and two pipes.
const sessionMost = 6

// gathering is what Gather has so far, and room for more descriptors.
type gathering struct {
	in    *Sessions
	room  int
	knows func(listener, upstream string) bool
	all   []Moved
}

func (g *gathering) take(s *Session) {
	if !g.knows(s.listener.name, s.knownUpstream()) {
		return
	}
	if m, ok := g.in.Quiesce(s); ok {
		g.room -= m.Descriptors()
		g.all = append(g.all, m)
	}
}

func (ss *Sessions) oldest() *Session {
	s := ss.newest
	for s != nil && s.older != nil {
		s = s.older
	}
	return s
}

// knownUpstream is the name of the session's upstream, empty while it is not chosen.
func (s *Session) knownUpstream() string {
	if s.target == nil {
		return ""
	}
	return s.target.Upstream.Name
}

package proxy

import (
	"github.com/rs/zerolog"

	"relay/relay/flow"
	"relay/relay/listen"
	"relay/relay/loop"
	"relay/relay/upstream"
)

// Sessions are the sessions of one loop.
type Sessions struct {
	loop    *loop.Loop
	mover   *flow.Mover
	log     zerolog.Logger
	access  bool // write the access log
	spare   *Session
	newest  *Session
	slabs   []*[slab]Session // all there is, in use or spare
	count   int
	leases  map[[2]*allowance]*[2]lease // of listeners with a rate
	heads   []byte                      // scratch space, made when first needed
	tallies map[string]*Tally           // by listener
}

// NewSessions makes the (empty) sessions of a loop.
func NewSessions(l *loop.Loop, m *flow.Mover, log zerolog.Logger, access bool) *Sessions {
	return &Sessions{loop: l, mover: m, log: log, access: access, tallies: map[string]*Tally{}}
}

// LogAccess says whether the access log is written.
func (ss *Sessions) LogAccess(yes bool) { ss.access = yes }

// Count is the number of sessions on this loop.
func (ss *Sessions) Count() int { return ss.count }

// Taker is what the acceptor of one listener on this loop gives its connections to.
func (ss *Sessions) Taker(l *Listener) listen.Taker { return &taker{ss, l} }

type taker struct {
	sessions *Sessions
	listener *Listener
}

// Take starts a session.
func (t *taker) Take(c listen.Conn) {
	ss := t.sessions
	s := ss.open(t.listener)
	s.client = c.Client
	s.ends[client].FD, s.ends[client].Kind = c.FD, c.Kind
	s.id = ss.loop.NewID()
	s.accepted = ss.loop.Now()
	s.counts.Accepted++
	s.begin()
}

// Refused writes the access-log line of a session that never was.
func (t *taker) Refused(c listen.Conn, why listen.Refusal) {
	ss := t.sessions
	now := ss.loop.Now()
	s := Session{in: ss, listener: t.listener, client: c.Client, accepted: now}
	s.ends[client].Kind = c.Kind
	ss.tally(t.listener.name).Ended[Reason(why)]++
	s.logEnd(Reason(why), now)
}

// slab is how many sessions are made at once: they are small, and one by one each would
// pay the allocator's rounding.
const slab = 64

// open takes a session from the spare ones and puts it on the list.
func (ss *Sessions) open(l *Listener) *Session {
	if ss.spare == nil {
		fresh := new([slab]Session)
		ss.slabs = append(ss.slabs, fresh)
		for i := range fresh {
			fresh[i].older, ss.spare = ss.spare, &fresh[i]
		}
	}
	s := ss.spare
	ss.spare = s.older
	*s = Session{in: ss, listener: l, older: ss.newest, counts: ss.tally(l.name)}
	for i := range s.ends {
		s.ends[i].FD = -1
		s.flows[i] = flow.Flow{Remain: flow.Unlimited}
	}
	if ss.newest != nil {
		ss.newest.newer = s
	}
	ss.newest = s
	ss.count++
	return s
}

// release takes a session off the list and keeps its memory for the next.
func (ss *Sessions) release(s *Session) {
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		ss.newest = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	}
	*s = Session{older: ss.spare}
	ss.spare = s
	ss.count--
}

// FinishAll ends every session with a reset: the drain is over, or must not wait.
func (ss *Sessions) FinishAll(why Reason) {
	for ss.newest != nil {
		ss.newest.finish(why)
	}
}

// scratch is space for the heads of connections, as read or as sent; what is in it holds
// until the next use.
func (ss *Sessions) scratch() []byte {
	if ss.heads == nil {
		ss.heads = make([]byte, helloMost)
	}
	return ss.heads
}

// ResetOn ends the sessions on a backend with a reset: it is down, and on_down says so.
// Those on their way to it go on to another when their connect fails.
func (ss *Sessions) ResetOn(b *upstream.Backend) {
	for s := ss.newest; s != nil; {
		older := s.older
		if s.backend == b && s.state == relaying {
			s.finish(BackendDown)
		}
		s = older
	}
}

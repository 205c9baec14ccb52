package proxy

import "relay/relay/loop"

// state is where a session stands.
//
//	(header) ──► (queued) ──► connecting ──► relaying ──► resetting ──► closed
//	                ▲  next    ▲  │  │           │                        ▲
//	                └─ backend ┴──┘  └───────────┴────────────────────────┤
//	every state ──► closed, through finish ───────────────────────────────┘
//
// Half-close is no state: each flow ends by itself, and the session when both have.
type state uint8

const (
	closed     state = iota
	header           // the client is to say who it is or where it wants to go: PROXY header, ClientHello
	queued           // every backend is full; one of them will call
	connecting       // a backend's socket is on its way
	relaying         // bytes move
	resetting        // one end is gone; the other is reset once it has what was sent before
)

// next holds the states that each state may go to.
var next = [...][6]bool{
	closed:     {header: true, connecting: true, relaying: true, resetting: true}, // taken or adopted
	header:     {connecting: true, closed: true},
	queued:     {connecting: true, closed: true},
	connecting: {queued: true, connecting: true, relaying: true, closed: true},
	relaying:   {resetting: true, closed: true},
	resetting:  {closed: true},
}

func (s *Session) setState(to state) {
	if !next[s.state][to] {
		panic("proxy: a session in an impossible state")
	}
	s.state = to
}

// Ready is the one entry for whatever happens to either end.
func (s *Session) Ready(tag uint8, ev loop.Events) {
	switch s.state {
	case header:
		s.headReady(tag, ev)
	case queued:
		s.clientWhileWaiting(ev)
	case connecting:
		s.dialled(tag, ev)
	case relaying:
		s.relay(tag, ev)
	case resetting:
		s.whileResetting(tag, ev)
	case closed:
		panic("proxy: an event for a session that is closed")
	}
}

// Expire is the one entry for every deadline.
func (s *Session) Expire(now int64) {
	if now >= s.lifeEnds() && s.state != resetting && s.state != closed {
		s.finish(SessionTimeout)
		return
	}
	switch s.state {
	case header:
		s.headTimedOut()
	case queued:
		s.finish(QueueTimeout)
	case connecting:
		s.connectTimedOut()
	case relaying:
		if s.pace != nil {
			s.goOn(now)
		}
		if s.state == relaying {
			s.quiet(now)
		}
	case resetting:
		s.resetWhenDelivered(now)
	case closed:
		panic("proxy: a timer for a session that is closed")
	}
}

package proxy

import (
	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// Reason is why a session ended, in the access log's words.
type Reason string

// The reasons.
const (
	Complete         Reason = "complete"
	ClientReset      Reason = "client_reset"
	BackendReset     Reason = "backend_reset"
	BadProxyHeader   Reason = "bad_proxy_header"
	HeaderTimeout    Reason = "header_timeout"
	IdleTimeout      Reason = "idle_timeout"
	HalfCloseTimeout Reason = "half_close_timeout"
	SessionTimeout   Reason = "session_timeout"
	ConnectFailed    Reason = "connect_failed"
	NoBackend        Reason = "no_backend"
	BackendFull      Reason = "backend_full"
	QueueFull        Reason = "queue_full"
	QueueTimeout     Reason = "queue_timeout"
	BackendDown      Reason = "backend_down" // and on_down is "reset"
	NoResources      Reason = "no_resources"
	DrainTimeout     Reason = "drain_timeout"
	Killed           Reason = "killed"
	ResetByOrder     Reason = "reset_by_order" // of an operator
)

// finish is the only way out. Unless the session is complete, whoever is still
// connected gets a reset: an end that relay causes must not look like the stream's own.
func (s *Session) finish(why Reason) {
	ss := s.in
	now := loop.Clock() // a session may begin and end in one round
	s.setState(closed)
	ss.loop.StopTimer(&s.timer)
	if s.pace != nil {
		s.pace.leave()
	}
	for i := range s.ends {
		ss.mover.Discard(&s.flows[i])
		s.closeEnd(&s.ends[i], why != Complete)
	}
	s.leaveQueue()
	if s.backend != nil {
		if s.flows[backend].Moved > 0 {
			s.backend.Served()
		}
		s.backend.Leave()
	}
	s.listener.Service.Leave()
	if !s.uncounted {
		s.listener.Service.LeaveSource(s.client)
	}
	ss.loop.Load.Add(-1)
	s.countEnd(why, now)
	s.logEnd(why, now)
	ss.release(s)
}

// closeEnd takes an end out of the loop and closes it.
func (s *Session) closeEnd(e *end, reset bool) {
	if !e.open() {
		return
	}
	s.in.loop.Forget(e.token)
	if reset && e.Kind == flow.TCP {
		sock.Reset(e.FD)
	} else {
		sock.Close(e.FD)
	}
	e.FD, e.token = -1, 0
}

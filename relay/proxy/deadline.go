package proxy

import "relay/relay/loop"

// setTimer sets the timer to a deadline of the session's, or to the end of its life.
func (s *Session) setTimer(at int64) { s.in.loop.SetTimer(&s.timer, s, min(at, s.lifeEnds())) }

// lifeEnds is when the session has lasted for as long as it may.
func (s *Session) lifeEnds() int64 {
	if s.listener.sessionTimeout == 0 {
		return loop.Never
	}
	return s.accepted + s.listener.sessionTimeout
}

// rearm brings the timer forward when a half-closed session has less time than an open
// one.
func (s *Session) rearm() {
	if due := s.active + s.quietLimit(); due < s.timer.Due() {
		s.setTimer(due)
	}
}

// quietLimit is how long the session may go without a byte.
func (s *Session) quietLimit() int64 {
	if s.done[client] || s.done[backend] {
		return s.listener.halfCloseTimeout
	}
	return s.listener.idleTimeout
}

// quiet is called when the session may have been idle for too long: bytes move the
// deadline without touching the timer.
func (s *Session) quiet(now int64) {
	if due := s.active + s.quietLimit(); due > now {
		if s.pace != nil {
			due = min(due, s.pace.resumes())
		}
		s.setTimer(due)
		return
	}
	if s.done[client] || s.done[backend] {
		s.finish(HalfCloseTimeout)
		return
	}
	s.finish(IdleTimeout)
}

package proxy

import (
	"time"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

const (
	// resetWait is how long a reset waits for a send queue that gets no shorter: a reset
	// throws away what the queue still holds.
	resetWait = int64(2 * time.Second)
	// resetPoll is the first interval at which the queue is looked at; each is twice
	// the one before, up to resetPollMost.
	resetPoll     = int64(time.Millisecond)
	resetPollMost = 100 * resetPoll
)

// passReset passes the failure of end i on to the other end, as a reset, so that a
// stream which was cut off never looks complete. What end i sent before has been handed
// to the other's socket; the reset waits until the peer has it.
func (s *Session) passReset(i int) {
	s.reason = ClientReset
	if i == backend {
		s.reason = BackendReset
		if s.flows[backend].Moved == 0 {
			s.backend.Cut()
		}
	}
	for f := range s.flows {
		s.in.mover.Discard(&s.flows[f])
	}
	s.closeEnd(&s.ends[i], true) // it may have failed on our side (ENOBUFS) and its peer be there
	other := &s.ends[1-i]
	if other.Kind != flow.TCP || other.Err != 0 {
		s.finish(s.reason)
		return
	}
	if s.unsent = uint32(sock.Unsent(other.FD)); s.unsent == 0 {
		s.finish(s.reason)
		return
	}
	s.setState(resetting)
	now := s.in.loop.Now()
	s.deadline = now + resetWait
	s.active = now
	s.in.loop.Ask(other.token, 0)
	s.in.loop.SetTimer(&s.timer, s, now+resetPoll)
}

// resetWhenDelivered looks whether the peer has got everything. No event tells of it.
// A slow peer has its time for as long as it goes on reading.
func (s *Session) resetWhenDelivered(now int64) {
	for i := range s.ends {
		e := &s.ends[i]
		if !e.open() {
			continue
		}
		left := uint32(sock.Unsent(e.FD))
		if left < s.unsent {
			s.unsent, s.deadline = left, now+resetWait
		}
		if left > 0 && now < min(s.deadline, s.lifeEnds()) {
			again := now + min(max(now-s.active, resetPoll), resetPollMost) // doubles what has passed
			s.in.loop.SetTimer(&s.timer, s, min(again, s.deadline))
			return
		}
	}
	s.finish(s.reason)
}

// whileResetting hears of the end that is to be reset. When it fails by itself there is
// nobody left to wait for; else only its send queue matters, and no event tells of that.
func (s *Session) whileResetting(tag uint8, ev loop.Events) {
	if ev&loop.Err != 0 {
		s.finish(s.reason)
		return
	}
	if ev&loop.Hup != 0 {
		s.in.loop.Park(s.ends[tag].token)
	}
}

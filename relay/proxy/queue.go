package proxy

import "relay/relay/upstream"

// enqueue waits for a place, now that every backend is full. It returns a backend if one
// has become free meanwhile, and neither that nor an error if the session waits.
func (s *Session) enqueue() (*upstream.Backend, error) {
	l := s.in.loop
	b, w, err := s.target.Upstream.Wait(s.key(), s.tried, func(w *upstream.Waiter, b *upstream.Backend) {
		l.Post(func() { s.dequeued(w, b) })
	})
	if w == nil {
		return b, err
	}
	s.waiter = w
	s.setState(queued)
	if errno := s.watchClient(); errno != 0 {
		s.finishShort(errno)
		return nil, nil
	}
	s.setTimer(l.Now() + int64(s.target.Upstream.Config().QueueTimeout))
	return nil, nil
}

// dequeued goes on with a session whose turn has come. One that has ended meanwhile (its
// memory may be another session's by now) gives the place back.
func (s *Session) dequeued(w *upstream.Waiter, b *upstream.Backend) {
	if s.waiter != w {
		b.Leave()
		return
	}
	s.waiter = nil
	s.in.loop.StopTimer(&s.timer)
	s.setState(connecting)
	if s.dialTo(b) {
		s.dial()
	}
}

// leaveQueue gives up the session's place in the queue, if it has one.
func (s *Session) leaveQueue() {
	if s.waiter != nil {
		s.target.Upstream.Abandon(s.waiter)
		s.waiter = nil
	}
}

package proxy

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
	"relay/relay/upstream"
)

// dial picks a backend and starts a connection to it, and goes on to the one after it
// for as long as they fail at once.
func (s *Session) dial() {
	for {
		b, err := s.target.Upstream.Pick(s.key(), s.tried)
		if err == upstream.ErrFull {
			b, err = s.enqueue()
		}
		if err != nil {
			s.finishUnserved(err)
			return
		}
		if b == nil || !s.dialTo(b) {
			return // it waits, or is on its way, or is over
		}
	}
}

// key is what the choice of a backend may depend on.
func (s *Session) key() upstream.Key {
	k := upstream.Key{Client: s.client}
	if s.who != nil {
		k.SNI = s.who.ServerName
	}
	return k
}

// dialTo starts a connection to a backend on which a place is taken, and reports whether
// another one is to be tried at once.
func (s *Session) dialTo(b *upstream.Backend) (next bool) {
	s.backend = b
	fd, errno := s.call(b)
	if errno == unix.EINPROGRESS {
		// On this machine and often in the same rack the answer is already there:
		// asking costs a fifth of what waiting for the event does.
		errno = sock.Connected(fd, &b.Address)
	}
	switch errno {
	case 0:
		s.established(fd)
		return false
	case unix.EALREADY:
		s.awaitConnect(fd)
		return false
	}
	if fd >= 0 {
		sock.Close(fd)
	}
	if errno == unix.EMFILE || errno == unix.ENFILE {
		return s.awaitDescriptor(errno)
	}
	return s.retryAfter(errno)
}

// descriptorRetry is how often a session asks again for the descriptor it lacks.
const descriptorRetry = 50 * time.Millisecond

// awaitDescriptor waits for others to end, as the clients in the backlog do: this one was
// accepted with the last descriptor there was. No other backend would help, so it keeps
// its place at this one until the connect timeout.
func (s *Session) awaitDescriptor(errno sock.Errno) (next bool) {
	b, now := &s.ends[backend], s.in.loop.Now()
	if b.Err != errno { // the first time
		s.deadline = now + s.target.connectTimeout
		b.Err = errno
	}
	if now >= s.deadline {
		return s.retryAfter(errno)
	}
	if errno := s.watchClient(); errno != 0 {
		s.finishShort(errno)
		return false
	}
	s.setTimer(min(s.deadline, now+int64(descriptorRetry)))
	return false
}

// awaitConnect registers both ends: the backend's to hear the outcome, the client's to
// hear if it resets meanwhile. Its FIN is no reason to give up.
func (s *Session) awaitConnect(fd int) {
	s.setBackend(fd)
	b := &s.ends[backend]
	if b.token != 0 {
		return // and what is awaited now is room for the PROXY header
	}
	errno := s.watchClient()
	if errno == 0 {
		b.token, errno = s.in.loop.Register(b.FD, s, backend, loop.Out)
	}
	if errno != 0 {
		s.finishShort(errno)
		return
	}
	s.deadline = s.in.loop.Now() + s.target.connectTimeout
	s.setTimer(s.deadline)
}

// watchClient registers the client's end for errors alone: what it sends may wait.
func (s *Session) watchClient() (errno sock.Errno) {
	c := &s.ends[client]
	if c.token != 0 {
		return s.in.loop.Ask(c.token, 0)
	}
	c.token, errno = s.in.loop.Register(c.FD, s, client, 0)
	return errno
}

func (s *Session) setBackend(fd int) {
	b := &s.ends[backend]
	b.FD, b.Kind = fd, flow.TCP
	if s.backend.Unix {
		b.Kind = flow.Unix
	}
}

// dialled hears of either end while a connect is under way.
func (s *Session) dialled(tag uint8, ev loop.Events) {
	if tag == client {
		s.clientWhileWaiting(ev)
		return
	}
	fd := s.ends[backend].FD
	switch errno := sock.Connected(fd, &s.backend.Address); errno {
	case 0:
		s.established(fd)
	case unix.EALREADY:
	default:
		s.failedConnect(errno)
	}
}

// clientWhileWaiting ends the session when the client has reset it. A hang-up alone
// (a unix client that closed) is parked: what it sent may still be wanted.
func (s *Session) clientWhileWaiting(ev loop.Events) {
	c := &s.ends[client]
	if ev&loop.Err != 0 && c.Kind == flow.TCP {
		c.Err = sock.TakeError(c.FD)
		s.finish(ClientReset)
		return
	}
	s.in.loop.Park(c.token)
}

// connectTimedOut ends an attempt, or a wait for a descriptor to make it with.
func (s *Session) connectTimedOut() {
	if s.ends[backend].open() {
		s.failedConnect(unix.ETIMEDOUT)
		return
	}
	if s.dialTo(s.backend) {
		s.dial()
	}
}

// failedConnect gives up this attempt and goes on to the next backend, if there may be
// one more.
func (s *Session) failedConnect(errno sock.Errno) {
	b := &s.ends[backend]
	s.in.loop.Forget(b.token)
	sock.Close(b.FD)
	b.FD, b.token = -1, 0
	if s.retryAfter(errno) {
		s.setState(connecting)
		s.dial()
	}
}

// retryAfter notes a failed attempt and reports whether another is allowed; if not, the
// session is finished.
func (s *Session) retryAfter(errno sock.Errno) bool {
	if !sock.Scarce(errno) {
		s.in.log.Debug().Str("listener", s.listener.Service.Config.Name).Str("upstream", s.target.Upstream.Name).
			Str("backend", s.backend.Name).Str("error", errno.Error()).Msg("connect failed")
		s.backend.ConnectFailed(errno.Error())
	}
	s.backend.Leave()
	s.tried = append(s.tried, s.backend)
	s.backend = nil
	s.ends[backend].Err = errno
	if len(s.tried) <= s.target.Upstream.Config().ConnectRetries {
		return true
	}
	s.finishConnect(errno)
	return false
}

func (s *Session) finishConnect(errno sock.Errno) {
	if sock.Scarce(errno) {
		s.finishShort(errno)
		return
	}
	s.finish(ConnectFailed)
}

// finishShort ends a session for want of descriptors, memory or local ports.
func (s *Session) finishShort(errno sock.Errno) {
	s.ends[backend].Err = errno
	s.in.log.Warn().Str("listener", s.listener.Service.Config.Name).Str("error", errno.Error()).
		Msg("session refused: this machine is out of descriptors, memory or local ports; the backend is not at fault")
	s.finish(NoResources)
}

// finishUnserved ends a session for which no backend (or none that has not been tried)
// is left.
func (s *Session) finishUnserved(err error) {
	switch {
	case len(s.tried) > 0:
		s.finishConnect(s.ends[backend].Err)
	case errors.Is(err, upstream.ErrFull):
		s.finish(BackendFull)
	case errors.Is(err, upstream.ErrQueueFull):
		s.finish(QueueFull)
	default:
		s.finish(NoBackend)
	}
}

// established goes on with a backend that has answered: it is told who calls, if its
// upstream wants that, and then the session relays.
func (s *Session) established(fd int) {
	s.setBackend(fd)
	if s.target.header == config.SendProxyOff || s.announce() {
		s.connectedTo()
	}
}

// connectedTo begins to relay. Both ends are readable from here on; what the client has
// sent meanwhile is waiting in its socket.
func (s *Session) connectedTo() {
	s.backend.Connected()
	s.ends[backend].Err = 0
	s.connected = loop.Clock() // not the round's time: often the round began with the accept
	s.active = s.connected
	s.setState(relaying)
	s.pace = s.in.newPace(s.listener)
	if s.ahead > 0 {
		s.consumeAhead()
	}
	for i := range s.ends {
		if errno := s.join(i); errno != 0 {
			s.finishShort(errno)
			return
		}
	}
	s.setTimer(s.connected + s.listener.idleTimeout)
}

// join makes end i readable in the loop.
func (s *Session) join(i int) sock.Errno {
	e := &s.ends[i]
	if e.token != 0 {
		return s.in.loop.Ask(e.token, loop.In)
	}
	var errno sock.Errno
	e.token, errno = s.in.loop.Register(e.FD, s, uint8(i), loop.In)
	return errno
}

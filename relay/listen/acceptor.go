package listen

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

const (
	// acceptMost bounds the connections taken in one turn, so that a flood of them
	// leaves the loop time for sessions.
	acceptMost = 32
	// shortPause is how long accepting rests when descriptors or memory have run out.
	shortPause = 100 * time.Millisecond
	// fullPause is how long it rests while the process has all the sessions it may.
	fullPause = 10 * time.Millisecond
)

// Acceptor accepts for one service on one loop. It belongs to that loop's thread.
type Acceptor struct {
	service *Service
	loop    *loop.Loop
	taker   Taker
	peers   []*Acceptor // the same service on all loops, this one included
	watches []*watch
	timer   loop.Timer
	resting bool
}

// watch is a socket in the loop of an acceptor.
type watch struct {
	acceptor *Acceptor
	socket   *socket
	token    loop.Token // 0 = not watched yet
}

// Place is where connections can be served: a loop, and who takes them there.
type Place struct {
	Loop  *loop.Loop
	Taker Taker
}

// Attach makes the acceptors of a service, one for each place and in their order. Start
// sets each to work.
func Attach(s *Service, places []Place) []*Acceptor {
	all := make([]*Acceptor, len(places))
	for i, p := range places {
		a := &Acceptor{service: s, loop: p.Loop, taker: p.Taker, peers: all}
		for _, so := range s.sockets {
			a.add(so)
		}
		all[i] = a
	}
	s.claim(nil, len(places))
	return all
}

// Succeed prepares a service to take the place of another, whose acceptors serve it from
// then on: Release and then Become, on every loop, do it.
func (s *Service) Succeed(before *Service, loops int) {
	if s.sources != nil {
		s.sources.limit(s.Config.SessionsMaxPerSource, s.Config.SessionRatePerSource)
	}
	s.claim(before, loops)
}

// claim counts the loops that are about to watch the sockets which the service before
// did not have, so that none closes one while another is about to watch it.
func (s *Service) claim(before *Service, loops int) {
	for _, so := range s.sockets {
		if before == nil || !before.has(so) {
			so.watchers.Add(int32(loops))
			if so.key != "" {
				so.kept.Store(false)
			}
			s.log.Info().Str("address", so.name).Msg("listening")
		}
	}
	s.opened = nil
}

// Start begins to accept. It runs on the loop's thread.
func (a *Acceptor) Start() error {
	for _, w := range a.watches {
		if errno := w.register(); errno != 0 {
			return errno
		}
	}
	return nil
}

// Begin is Start for a service that comes while others run: what epoll has no room for is
// tried again.
func (a *Acceptor) Begin() {
	if a.Start() != nil {
		a.rest(shortPause)
	}
}

// add takes on a socket, which is not watched yet.
func (a *Acceptor) add(so *socket) *watch {
	w := &watch{acceptor: a, socket: so}
	a.watches = append(a.watches, w)
	return w
}

func (w *watch) register() (errno sock.Errno) {
	w.token, errno = w.acceptor.loop.Register(w.socket.fd, w, 0, loop.In|loop.Exclusive)
	return errno
}

// Release gives up the sockets that a successor does not have; all of them when next is
// nil. It runs on the loop's thread, on which every acceptor is to release before any
// becomes another: epoll does not take a socket twice.
func (a *Acceptor) Release(next *Service) {
	a.watches = slices.DeleteFunc(a.watches, func(w *watch) bool {
		if next != nil && next.has(w.socket) {
			return false
		}
		a.unwatch(w)
		return true
	})
}

// Become goes on for the successor. It runs on the loop's thread.
func (a *Acceptor) Become(next *Service, taker Taker) {
	before := a.service
	a.service, a.taker = next, taker
	for _, so := range next.sockets {
		if !before.has(so) && a.add(so).register() != 0 {
			a.rest(shortPause)
		}
	}
}

// Stop ends accepting on this loop. It runs on the loop's thread.
func (a *Acceptor) Stop() {
	a.loop.StopTimer(&a.timer)
	a.Release(nil)
}

// Suspend ends accepting on this loop for now, and leaves to another process what is
// pending. Begin takes it up again. It runs on the loop's thread.
func (a *Acceptor) Suspend() {
	a.loop.StopTimer(&a.timer)
	a.resting = false
	for _, w := range a.watches {
		a.loop.Unregister(w.token)
		w.token = 0
	}
}

// unwatch ends watching a socket. The last loop to leave takes what is still pending, so
// that nobody who is already connected is turned away, and closes it. Where somebody else
// goes on accepting, what is pending is left to him.
func (a *Acceptor) unwatch(w *watch) {
	a.loop.Unregister(w.token)
	if w.socket.watchers.Add(-1) > 0 {
		return
	}
	if !w.socket.kept.Load() {
		a.takePending(w.socket)
	}
	w.socket.close()
}

// takePending accepts what was in the backlog. Clients that keep arriving have a new
// place to go to: the bound is the longest backlog there can have been.
func (a *Acceptor) takePending(so *socket) {
	for range max(a.service.Config.Backlog, sock.Backlog) {
		errno := a.accept(so)
		if errno == unix.EAGAIN || errno == unix.EBADF || errno == unix.EINVAL || sock.Scarce(errno) {
			return
		}
	}
}

// Ready accepts what is pending, up to the bound of a turn; level-triggered epoll
// brings us back for the rest.
func (w *watch) Ready(uint8, loop.Events) {
	a := w.acceptor
	for range acceptMost {
		if a.service.capacity.full() {
			a.pause(fullPause, "the process has all the sessions it may; raise sessions_max or LimitNOFILE")
			return
		}
		switch errno := a.accept(w.socket); {
		case errno == unix.EAGAIN:
			return
		case sock.Scarce(errno):
			a.pause(shortPause, errno.Error()+"; raise LimitNOFILE or lower sessions_max")
			return
		} // ECONNABORTED and the network errors of accept(2) concern that client only
	}
}

// accept takes one connection. The errno says only why there was none.
func (a *Acceptor) accept(so *socket) sock.Errno {
	var from sock.Address
	fd, errno := sock.Accept(so.fd, &from)
	if errno != 0 {
		return errno
	}
	if a.service.short.over() {
		a.service.log.Info().Msg("accepting resumed")
	}
	c := Conn{FD: fd, Kind: so.kind}
	if so.kind == flow.TCP {
		c.Client = from.AddrPort()
	}
	if why := a.service.admit(c); why != "" {
		sock.Reset(fd)
		a.taker.Refused(c, why)
		return 0
	}
	a.place(c)
	return 0
}

// place gives the connection to this loop, unless another has clearly fewer sessions:
// which loop epoll wakes depends on who waits, not on who is busy.
func (a *Acceptor) place(c Conn) {
	least, mine := a, a.loop.Load.Load()
	if len(a.peers) > 1 {
		fewest := mine
		for _, p := range a.peers {
			if n := p.loop.Load.Load(); n < fewest {
				least, fewest = p, n
			}
		}
		if mine <= fewest+1+fewest/8 {
			least = a
		}
	}
	least.loop.Load.Add(1)
	if least == a {
		a.taker.Take(c)
		return
	}
	least.loop.Post(func() { least.taker.Take(c) })
}

// pause rests and says so, unless that has been said a moment ago.
func (a *Acceptor) pause(length time.Duration, why string) {
	if a.service.short.begin(a.loop.Now()) {
		a.service.log.Warn().Str("why", why).Msg("accepting paused")
	}
	a.rest(length)
}

// rest leaves the sockets alone for a while; what is pending waits in the backlog.
// EPOLLEXCLUSIVE cannot be modified, so they leave epoll.
func (a *Acceptor) rest(length time.Duration) {
	if a.resting {
		return
	}
	a.resting = true
	for _, w := range a.watches {
		a.loop.Park(w.token)
	}
	a.loop.SetTimer(&a.timer, a, a.loop.Now()+int64(length))
}

// Expire ends a rest.
func (a *Acceptor) Expire(int64) {
	a.resting = false
	for _, w := range a.watches {
		if w.resume() != 0 {
			a.rest(shortPause)
			return
		}
	}
}

func (w *watch) resume() sock.Errno {
	if w.token == 0 {
		return w.register()
	}
	return w.acceptor.loop.Ask(w.token, loop.In|loop.Exclusive)
}

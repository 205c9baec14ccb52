package listen

import (
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
	tokens  []loop.Token
	timer   loop.Timer
	resting bool
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
		all[i] = &Acceptor{service: s, loop: p.Loop, taker: p.Taker, peers: all}
	}
	s.serving.Store(int32(len(places)))
	return all
}

// Start begins to accept. It runs on the loop's thread.
func (a *Acceptor) Start() error {
	a.tokens = make([]loop.Token, len(a.service.sockets))
	for i, so := range a.service.sockets {
		t, errno := a.loop.Register(so.fd, a, uint8(i), loop.In|loop.Exclusive)
		if errno != 0 {
			return errno
		}
		a.tokens[i] = t
	}
	return nil
}

// Stop ends accepting on this loop. The last loop to stop takes what is still pending,
// so that nobody who is already connected is turned away, and closes the sockets. It
// runs on the loop's thread.
func (a *Acceptor) Stop() {
	a.loop.StopTimer(&a.timer)
	for _, t := range a.tokens {
		a.loop.Leave(t)
	}
	a.tokens = nil
	if a.service.serving.Add(-1) > 0 {
		return
	}
	for _, so := range a.service.sockets {
		a.takePending(so)
	}
	a.service.Close()
}

// takePending accepts what was in the backlog. Clients that keep arriving have a new
// place to go to: the bound is the longest backlog there can have been.
func (a *Acceptor) takePending(so *socket) {
	for range sock.Backlog {
		switch a.accept(so) {
		case unix.EAGAIN, unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.EBADF, unix.EINVAL:
			return
		}
	}
}

// Ready accepts what is pending, up to the bound of a turn; level-triggered epoll
// brings us back for the rest.
func (a *Acceptor) Ready(tag uint8, _ loop.Events) {
	so := a.service.sockets[tag]
	for range acceptMost {
		if a.service.capacity.full() {
			a.pause(fullPause, "the process has all the sessions it may; raise sessions_max or LimitNOFILE")
			return
		}
		switch errno := a.accept(so); errno {
		case 0:
		case unix.EAGAIN:
			return
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			a.pause(shortPause, errno.Error()+"; raise LimitNOFILE or lower sessions_max")
			return
		default: // ECONNABORTED and the network errors of accept(2) concern that client only
		}
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
	for _, t := range a.tokens {
		a.loop.Park(t)
	}
	a.loop.SetTimer(&a.timer, a, a.loop.Now()+int64(length))
}

// Expire ends a rest.
func (a *Acceptor) Expire(int64) {
	a.resting = false
	for _, t := range a.tokens {
		if a.loop.Ask(t, loop.In|loop.Exclusive) != 0 {
			a.rest(shortPause)
			return
		}
	}
}

package proxy

import (
	"golang.org/x/sys/unix"

	"relay/relay/flow"
	"relay/relay/listen"
	"relay/relay/loop"
	"relay/relay/sock"
)

// begin is the start of a session whose client is there: what must be read before a
// backend can be picked is read first. Most listeners need nothing.
func (s *Session) begin() {
	if s.ends[client].Kind == flow.TCP && s.listener.Service.SendsHeader(s.client) {
		s.identity().awaited = proxyHeader
		s.uncounted = true
		s.setState(header)
		s.look()
		return
	}
	s.choose()
}

// choose sends the session on its way if its source decides, and has a look at the
// client's first bytes if they do.
func (s *Session) choose() {
	target, peek := s.listener.routes.choose(s.client.Addr(), nil)
	switch {
	case !peek && !s.orListeners(target).hashesName():
		s.serve(target)
	case s.state == header:
		s.who.awaited = clientHello
		s.look()
	default:
		s.identity().awaited = clientHello
		s.setState(header)
		s.look()
	}
}

// orListeners is the target, or the listener's own where no route matched.
func (s *Session) orListeners(t *Target) *Target {
	if t == nil {
		return s.listener.Target
	}
	return t
}

// serve finds the session a backend of its target.
func (s *Session) serve(t *Target) {
	t = s.orListeners(t)
	s.target = t
	s.setChunk(s.listener.chunk(t))
	s.setState(connecting)
	s.dial()
}

// headReady is told that more of the head has arrived, or that the client is gone.
func (s *Session) headReady(tag uint8, _ loop.Events) {
	if tag != client {
		panic("proxy: a backend before the client's head is read")
	}
	s.look()
}

// look peeks at the head, and waits for more of it or goes on.
func (s *Session) look() {
	if s.who.awaited == proxyHeader {
		s.lookForHeader()
		return
	}
	s.lookForHello()
}

func (s *Session) lookForHeader() {
	c := &s.ends[client]
	origin, err := listen.TakeHeader(c.FD, s.in.scratch())
	if errno, failed := err.(sock.Errno); failed {
		s.lostClient(errno)
		return
	}
	switch err {
	case nil:
		s.introduced(origin)
	case listen.ErrIncomplete:
		s.awaitHead()
	default:
		s.who.failure = err
		s.finish(BadProxyHeader)
	}
}

// introduced goes on with the client that the PROXY header named.
func (s *Session) introduced(o listen.Origin) {
	s.who.Origin = o
	if o.Source.IsValid() {
		s.who.Peer, s.client = s.client, o.Source
	}
	if !s.listener.Service.EnterSource(s.client) {
		s.finish(Reason(listen.SourceLimit))
		return
	}
	s.uncounted = false
	s.choose()
}

func (s *Session) lookForHello() {
	c := &s.ends[client]
	verdict := partial
	b, final, errno := listen.Peek(c.FD, s.in.scratch(), func(b []byte) bool {
		verdict = judge(b)
		return verdict != partial
	})
	if errno != 0 {
		s.lostClient(errno)
		return
	}
	if verdict == partial && !final && len(b) < helloMost {
		s.awaitHead()
		return
	}
	h := &hello{} // what cannot be understood asks for nothing
	if verdict == complete {
		h = parseHello(b)
	}
	s.heard(h)
}

// heard picks the target for what the client asked for.
func (s *Session) heard(h *hello) {
	s.who.ServerName, s.who.Protocols = h.serverName, h.protocols
	target, _ := s.listener.routes.choose(s.client.Addr(), h)
	s.serve(target)
}

// awaitHead waits for more. The bytes stay in the socket, which stays readable: only
// edges tell of new ones.
func (s *Session) awaitHead() {
	c := &s.ends[client]
	if c.token != 0 {
		return
	}
	token, errno := s.in.loop.Register(c.FD, s, client, loop.In|loop.Edge)
	if errno != 0 {
		s.finishShort(errno)
		return
	}
	c.token = token
	s.setTimer(s.accepted + s.listener.headerTimeout)
}

// headTimedOut turns away a peer that owes a PROXY header; a client that says nothing
// else may be waiting for the server to speak, and takes the default route.
func (s *Session) headTimedOut() {
	if s.who.awaited == proxyHeader {
		s.finish(HeaderTimeout)
		return
	}
	s.heard(&hello{})
}

// lostClient ends a session whose client failed before it had a backend.
func (s *Session) lostClient(errno sock.Errno) {
	s.ends[client].Err = errno
	if errno == unix.ENOMEM || errno == unix.ENOBUFS {
		s.finishShort(errno)
		return
	}
	s.finish(ClientReset)
}

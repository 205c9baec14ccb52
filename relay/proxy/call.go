package proxy

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
	"relay/relay/upstream"
)

// call starts a connection to a backend in the way its upstream asks for. The errno is
// that of sock.Dial.
func (s *Session) call(b *upstream.Backend) (int, sock.Errno) {
	t := s.target
	s.ahead = 0
	if s.who != nil {
		s.who.sent = 0
	}
	if t.plain || b.Unix {
		return sock.Dial(&b.Address)
	}
	fd, errno := t.open(&b.Address, s.client.Addr())
	if errno != 0 {
		return -1, errno
	}
	if errno = s.connect(fd, &b.Address); errno != 0 && errno != unix.EINPROGRESS {
		sock.Close(fd)
		return -1, errno
	}
	return fd, errno
}

// open makes the socket of one connection, with its settings and its own address.
func (t *Target) open(to *sock.Address, client netip.Addr) (int, sock.Errno) {
	fd, errno := sock.Open(to, t.mptcp)
	if errno != 0 {
		return -1, errno
	}
	if _, errno = t.settings.Apply(fd); errno == 0 {
		errno = t.bind(fd, to, client)
	}
	if errno != 0 {
		sock.Close(fd)
		return -1, errno
	}
	return fd, 0
}

// bind gives the socket the address that the backend is to see. A client of the other
// family, or of a unix socket, has none that could be used: EAFNOSUPPORT, or this
// machine's own.
func (t *Target) bind(fd int, to *sock.Address, client netip.Addr) sock.Errno {
	var at *sock.Address
	switch {
	case t.transparent && client.IsValid():
		a, err := sock.TCPAddress(netip.AddrPortFrom(client, 0))
		if err != nil || a.Family() != to.Family() {
			return unix.EAFNOSUPPORT
		}
		if _, errno := (sock.Settings{foreign(to.Family())}).Apply(fd); errno != 0 {
			return errno
		}
		at = &a
	case len(t.sources) > 0:
		at = t.source(to.Family())
	}
	if at == nil {
		return 0
	}
	sock.SetInt(fd, bindLate.Level, bindLate.Option, bindLate.Value)
	return sock.Bind(fd, at)
}

// source is the next address of a family, or nil if bind names none.
func (t *Target) source(family int) *sock.Address {
	n := uint32(len(t.sources))
	at := t.next.Add(1)
	for i := range n {
		if a := &t.sources[(at+i)%n]; a.Family() == family {
			return a
		}
	}
	return nil
}

// aheadMost bounds what of a client's bytes goes with the first segment to a backend: a
// segment holds no more.
const aheadMost = 1024

// connect starts the connection, and with fast_open has it carry what is at hand: the
// PROXY header and what the client has sent. Without any of that it is a connection like
// all others, or a server that speaks first would never hear of it. The client's bytes
// stay in its socket until the backend is known to have them, so that the next backend
// can be tried with the same.
func (s *Session) connect(fd int, to *sock.Address) sock.Errno {
	if !s.target.fastOpen {
		return sock.Connect(fd, to)
	}
	data := s.announcement()
	header := len(data)
	if n, errno := sock.Peek(s.ends[client].FD, data[header:header+aheadMost]); errno == 0 {
		data = data[:header+n]
	}
	if len(data) == 0 {
		return sock.Connect(fd, to)
	}
	n, errno := sock.ConnectWith(fd, to, data)
	switch {
	case errno == unix.EOPNOTSUPP: // net.ipv4.tcp_fastopen has bit 1 off
		return sock.Connect(fd, to)
	case errno != 0:
		return errno
	}
	if header > 0 {
		s.who.sent = uint16(min(n, header))
	}
	s.ahead = uint16(max(n-header, 0))
	return unix.EINPROGRESS
}

// consumeAhead takes the bytes out of the client's socket that went with the first
// segment.
func (s *Session) consumeAhead() {
	buf := s.in.scratch()
	for s.ahead > 0 {
		n, errno := sock.Recv(s.ends[client].FD, buf[:s.ahead])
		if errno != 0 || n == 0 {
			break // a reset; whoever reads next learns of it
		}
		s.ahead -= uint16(n)
		s.flows[client].Moved += uint64(n)
	}
	s.ahead = 0
}

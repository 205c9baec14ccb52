package listen

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// SendsHeader reports whether this peer must begin with a PROXY header. From every
// other one the same bytes are data.
func (s *Service) SendsHeader(peer netip.AddrPort) bool {
	return Contains(s.Config.AcceptProxyFrom, peer.Addr())
}

// errEnded is a client that said goodbye before its header was complete.
var errEnded = errors.New("the connection ended before its PROXY header")

// Head is a look at the first bytes of a connection, which stay in its socket until
// they are known to be a head. It is what a waiting session keeps.
type Head struct {
	seen int // bytes of the last look
}

// Look peeks into buf. grew is false when nothing has come since the last look: then
// nothing more will come either if the peer has ended or the socket's buffer is full,
// and stuck says so. An EAGAIN is an empty look.
func (h *Head) Look(fd int, buf []byte) (b []byte, stuck bool, errno sock.Errno) {
	n, errno := sock.Peek(fd, buf)
	if errno == unix.EAGAIN {
		return nil, false, 0
	}
	if errno != 0 {
		return nil, false, errno
	}
	grew := n > h.seen
	h.seen = n
	stuck = n == 0 || !grew && (n == len(buf) || sock.Ended(fd) || sock.ReceiveFull(fd))
	return buf[:n], stuck, 0
}

// TakeHeader reads the PROXY header from a socket and leaves what follows it there.
// ErrIncomplete says that it may still come: look again when more has arrived. buf is
// scratch space of at least HeaderMost bytes. An error of the socket comes as its
// errno.
func (h *Head) TakeHeader(fd int, buf []byte) (Origin, error) {
	b, stuck, errno := h.Look(fd, buf[:HeaderMost])
	if errno != 0 {
		return Origin{}, errno
	}
	o, n, err := ParseHeader(b)
	switch {
	case err == ErrIncomplete && stuck:
		return Origin{}, errEnded
	case err != nil:
		return Origin{}, err
	}
	h.seen = 0
	for n > 0 {
		took, errno := sock.Recv(fd, buf[:n])
		if errno != 0 {
			return Origin{}, errno
		}
		n -= took
	}
	return o, nil
}

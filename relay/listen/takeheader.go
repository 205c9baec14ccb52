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
	return len(s.Config.AcceptProxyFrom) > 0 && Contains(s.Config.AcceptProxyFrom, peer.Addr())
}

// errEnded is a client that said goodbye before its header was complete.
var errEnded = errors.New("the connection ended before its PROXY header did")

// Peek looks at the first bytes of a connection and leaves them in its socket. final
// says that no more will come: the peer has ended its direction, or the socket's buffer
// is full and only reading would make room. It is asked for only where whole says that
// what is there does not do.
func Peek(fd int, buf []byte, whole func([]byte) bool) (b []byte, final bool, errno sock.Errno) {
	n, errno := sock.Peek(fd, buf)
	switch {
	case errno == unix.EAGAIN:
		return nil, false, 0
	case errno != 0:
		return nil, false, errno
	case n > 0 && whole(buf[:n]):
		return buf[:n], false, 0
	}
	return buf[:n], n == 0 || sock.HungUp(fd) || sock.ReceiveFull(fd), 0
}

// TakeHeader reads the PROXY header from a socket and leaves what follows it there.
// ErrIncomplete says that it may still come: call again when more has arrived. buf is
// scratch space of at least HeaderMost bytes. An error of the socket comes as its
// errno.
func TakeHeader(fd int, buf []byte) (Origin, error) {
	var o Origin
	var size int
	err := ErrIncomplete
	_, final, errno := Peek(fd, buf[:HeaderMost], func(b []byte) bool {
		o, size, err = ParseHeader(b)
		return err != ErrIncomplete
	})
	switch {
	case errno != 0:
		return Origin{}, errno
	case err == ErrIncomplete && final:
		return Origin{}, errEnded
	case err != nil:
		return Origin{}, err
	}
	return o, take(fd, buf[:size])
}

// take removes bytes from a socket that are known to be there.
func take(fd int, buf []byte) error {
	for len(buf) > 0 {
		n, errno := sock.Recv(fd, buf)
		if errno != 0 {
			return errno
		}
		if n == 0 {
			return errEnded
		}
		buf = buf[n:]
	}
	return nil
}

package bench

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// patience is how long a peer may take to be there.
const patience = 10 * time.Second

// loopback is any free port of this machine's own.
var loopback = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)

// dial connects, and waits for it. The socket is non-blocking.
func dial(to netip.AddrPort) (int, error) {
	a, err := sock.TCPAddress(to)
	if err != nil {
		return -1, err
	}
	fd, errno := sock.Dial(&a)
	if fd < 0 {
		return -1, fmt.Errorf("connect to %s: %w", to, errno)
	}
	if errno == unix.EINPROGRESS {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		for {
			_, err := unix.Poll(fds, int(patience.Milliseconds()))
			if err != unix.EINTR {
				break
			}
		}
		if errno := sock.Connected(fd, &a); errno != 0 {
			sock.Close(fd)
			return -1, fmt.Errorf("connect to %s: %w", to, errno)
		}
	}
	return fd, nil
}

// greet dials and sends a hello. A fresh socket has room for it.
func greet(to netip.AddrPort, h hello) (int, error) {
	fd, err := dial(to)
	if err != nil {
		return -1, err
	}
	b := h.marshal()
	if n, errno := sock.Send(fd, b, false); n != len(b) {
		sock.Close(fd)
		return -1, fmt.Errorf("greet %s: %w", to, errno)
	}
	return fd, nil
}

// listen opens a listening socket and says where it is.
func listen(at netip.AddrPort) (int, netip.AddrPort, error) {
	a, err := sock.TCPAddress(at)
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	fd, err := sock.Listen(&a)
	if err != nil {
		return -1, netip.AddrPort{}, fmt.Errorf("listen on %s: %w", at, err)
	}
	local := sock.LocalAddress(fd)
	return fd, local.AddrPort(), nil
}

// Resolve finds the address of a host and port; the first one that the resolver gives.
func Resolve(hostPort string) (netip.AddrPort, error) {
	a, err := net.ResolveTCPAddr("tcp", hostPort)
	if err != nil {
		return netip.AddrPort{}, err
	}
	ap := a.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
}

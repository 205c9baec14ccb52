package peer

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Doomed connects over TCP where a reset is expected, and waits for the end. The
// reset may come so soon that connect(2) itself reports it, so the address is bound
// before, to be known in any case. local may be "" for any.
func Doomed(local, address string) (client string, end Ending, err error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return "", Broken, err
	}
	from := netip.AddrPortFrom(to.Addr(), 0)
	if local != "" {
		if from, err = netip.ParseAddrPort(local); err != nil {
			return "", Broken, err
		}
	}
	fd, client, err := boundAt(from)
	if err != nil {
		return "", Broken, err
	}
	// The deadline of connecting: SO_SNDTIMEO bounds connect(2) too, see socket(7).
	limit := unix.NsecToTimeval(int64(dialPatience))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit)
	if err := unix.Connect(fd, sockaddr(to)); err != nil {
		unix.Close(fd)
		if IsReset(err) {
			return client, Reset, nil
		}
		return client, Broken, fmt.Errorf("connect %s: %w", address, err)
	}
	c, err := fromFD(fd)
	if err != nil {
		return client, Broken, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(dialPatience))
	_, err = c.Read(make([]byte, 1))
	if end = c.ending(err); end == Reset {
		err = nil
	}
	return client, end, err
}

// fromFD takes over a connected socket.
func fromFD(fd int) (*Conn, error) {
	file := os.NewFile(uintptr(fd), "socket")
	defer file.Close() // FileConn works on a duplicate
	c, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return wrap(c)
}

// boundAt is a TCP socket bound to a local address, port 0 for any.
func boundAt(local netip.AddrPort) (fd int, address string, err error) {
	family := unix.AF_INET
	if local.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, "", err
	}
	if err = unix.Bind(fd, sockaddr(local)); err != nil {
		unix.Close(fd)
		return -1, "", err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		unix.Close(fd)
		return -1, "", err
	}
	return fd, addrPort(name).String(), nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is6() {
		return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

func addrPort(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	return netip.AddrPort{}
}

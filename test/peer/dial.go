package peer

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dialPatience is how long a handshake with the program under test may take.
const dialPatience = 20 * time.Second

// split turns an address as the program writes it into what package net wants.
func split(address string) (network, name string) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return "unix", path
	}
	return "tcp", address
}

// Dial connects to an address in the program's own spelling: "127.0.0.1:80",
// "[::1]:80", "unix:/path".
func Dial(address string) (*Conn, error) { return DialFrom("", address) }

// DialFrom connects from this local address: "127.0.0.2:0", or "" for any.
func DialFrom(local, address string) (*Conn, error) {
	network, name := split(address)
	d := net.Dialer{Timeout: dialPatience, KeepAlive: -1}
	if local != "" {
		from, err := net.ResolveTCPAddr("tcp", local)
		if err != nil {
			return nil, err
		}
		d.LocalAddr, d.Control = from, bindAddressOnly
	}
	c, err := d.Dial(network, name)
	if err != nil {
		return nil, err
	}
	return wrap(c)
}

// bindAddressOnly leaves the choice of a port to connect, which may reuse one that has
// another peer. Without it (IP_BIND_ADDRESS_NO_PORT, ip(7)) a port is taken from all
// others, and thousands of short connections use them up.
func bindAddressOnly(_, _ string, c syscall.RawConn) error {
	var inner error
	err := c.Control(func(fd uintptr) {
		inner = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
	return errors.Join(err, inner)
}

// dialQuickly gives up on a silent address after a moment, with
// os.ErrDeadlineExceeded. A handshake over loopback takes microseconds.
func dialQuickly(address string) (*Conn, error) {
	d := net.Dialer{Timeout: 200 * time.Millisecond, KeepAlive: -1}
	c, err := d.Dial("tcp", address)
	if err != nil {
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return nil, os.ErrDeadlineExceeded
		}
		return nil, err
	}
	return wrap(c)
}

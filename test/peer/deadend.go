package peer

import (
	"errors"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Refusing is an address that refuses every connection: its port is bound, so that
// nobody else can get it, and nothing listens there. Close frees the port.
type Refusing struct {
	Address string
	fd      int
}

// NewRefusing makes one on the loopback device.
func NewRefusing() (*Refusing, error) {
	fd, address, err := bound()
	return &Refusing{address, fd}, err
}

// Close frees the port.
func (r *Refusing) Close() { unix.Close(r.fd) }

// Silent is an address whose connections never complete, as behind a filter that
// drops packets: it listens with a queue of one, and that one is taken. The kernel
// drops every further SYN.
type Silent struct {
	Address string
	fd      int
	filling []*Conn
}

// NewSilent makes one on the loopback device.
func NewSilent() (*Silent, error) {
	fd, address, err := bound()
	if err != nil {
		return nil, err
	}
	s := &Silent{Address: address, fd: fd}
	if err := unix.Listen(fd, 0); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.fill(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// fill takes the places of the queue until a SYN goes unanswered.
func (s *Silent) fill() error {
	for range 8 {
		conn, err := dialQuickly(s.Address)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		s.filling = append(s.filling, conn)
	}
	return errors.New("the queue of a listening socket does not fill")
}

// Speak lets everybody in: it accepts what waits from now on, and returns the first
// connection that is not one of its own.
func (s *Silent) Speak() (*Conn, error) {
	own := map[string]bool{}
	for _, c := range s.filling {
		own[c.LocalAddr().String()] = true
	}
	file := os.NewFile(uintptr(s.fd), "silent")
	s.fd = -1
	defer file.Close()
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	for {
		raw, err := l.Accept()
		if err != nil {
			return nil, err
		}
		if !own[raw.RemoteAddr().String()] {
			return wrap(raw)
		}
		raw.Close()
	}
}

// Close frees the port.
func (s *Silent) Close() {
	for _, c := range s.filling {
		c.Close()
	}
	if s.fd >= 0 {
		unix.Close(s.fd)
		s.fd = -1
	}
}

// bound is a TCP socket bound to a free loopback port.
func bound() (fd int, address string, err error) {
	return boundAt(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0))
}

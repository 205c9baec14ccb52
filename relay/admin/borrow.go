package admin

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"relay/config"
)

// borrow listens on the socket of a socket unit. Who may do what goes by the address
// that the unit gave it.
func (s *Server) borrow(named []int) error {
	switch {
	case len(named) == 0:
		return fmt.Errorf("systemd passed no socket of this name; write FileDescriptorName=%s in a socket unit, and start relay through it", s.asked.Systemd)
	case len(named) > 1:
		return fmt.Errorf("systemd passed %d sockets of this name, and the admin interface has one; give it a socket unit with one ListenStream=", len(named))
	}
	fd, err := unix.FcntlInt(uintptr(named[0]), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), s.asked.String())
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return err
	}
	at, err := addressOf(l)
	if err != nil {
		l.Close()
		return err
	}
	s.listener, s.config.Listen = l, at
	return nil
}

// addressOf is a listener's address in the configuration's form.
func addressOf(l net.Listener) (config.Address, error) {
	switch a := l.Addr().(type) {
	case *net.TCPAddr:
		ap := a.AddrPort()
		return config.Address{TCP: netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())}, nil
	case *net.UnixAddr:
		if strings.HasPrefix(a.Name, "@") {
			return config.Address{}, errors.New("an abstract socket has no file mode to guard it; write a path in its unit, like ListenStream=/run/relay/admin.sock")
		}
		return config.Address{Unix: a.Name}, nil
	}
	return config.Address{}, fmt.Errorf("%s is neither TCP nor a unix socket", l.Addr())
}

package admin

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"relay/config"
)

// Hand gives a duplicate of the listening socket, for another process that is to go on
// with it. Whoever gets it closes it.
func (s *Server) Hand() (fd int, err error) {
	raw, err := s.listener.(syscall.Conn).SyscallConn()
	if err != nil {
		return -1, err
	}
	var failure error
	err = raw.Control(func(own uintptr) { fd, failure = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = failure
	}
	if err != nil {
		return -1, fmt.Errorf("admin: %w", err)
	}
	return fd, nil
}

// Share says whether another process has the socket, too: then closing it here does not
// remove its file.
func (s *Server) Share(yes bool) {
	if u, ok := s.listener.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(!yes)
	}
}

// Inherit is Open with the listening socket that another process had at this address. The
// socket is consumed, and shared until Share says otherwise.
func Inherit(fd int, c config.Admin, r Relay, log zerolog.Logger) (*Server, error) {
	f := os.NewFile(uintptr(fd), "admin")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("admin: inherited socket: %w", err)
	}
	s := &Server{config: c, asked: c.Listen, relay: r, log: log, listener: l}
	s.Share(true)
	return open(s, nil)
}

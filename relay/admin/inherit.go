package admin

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
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

// inherit goes on with the socket of another process. fd is consumed.
func (s *Server) inherit(fd int) error {
	f := os.NewFile(uintptr(fd), "admin")
	defer f.Close()
	var err error
	if s.listener, err = net.FileListener(f); err != nil {
		return fmt.Errorf("admin: inherited socket: %w", err)
	}
	s.Share(true)
	return nil
}

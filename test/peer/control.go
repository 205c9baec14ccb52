package peer

import "syscall"

// Control runs f on the server's listening descriptor.
func (s *Server) Control(f func(fd int) error) error {
	raw, err := s.listener.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

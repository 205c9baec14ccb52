package bench

import (
	"fmt"
	"io"
	"net/netip"

	"relay/relay/loop"
	"relay/relay/sock"
)

// server accepts on a loop: the shape that sink and feeder share. The process that
// started it holds its standard input, whose end is the server's.
type server struct {
	loop     *loop.Loop
	listener int
	taken    func(fd int)
}

// serve runs until in ends. It says on out where it listens.
func serve(at netip.AddrPort, in io.Reader, out io.Writer, taken func(l *loop.Loop) func(fd int)) error {
	l, err := loop.New()
	if err != nil {
		return err
	}
	fd, where, err := listen(at)
	if err != nil {
		return err
	}
	defer sock.Close(fd)
	s := &server{loop: l, listener: fd, taken: taken(l)}
	if _, errno := l.Register(fd, s, 0, loop.In); errno != 0 {
		return errno
	}
	fmt.Fprintln(out, where)
	go func() { // ends with the process, or before
		_, _ = io.Copy(io.Discard, in)
		l.Stop()
	}()
	return l.Run()
}

// Ready accepts everything that waits.
func (s *server) Ready(uint8, loop.Events) {
	for {
		var from sock.Address
		fd, errno := sock.Accept(s.listener, &from)
		if errno != 0 {
			return // nothing waits, or the next event will try again
		}
		s.taken(fd)
	}
}

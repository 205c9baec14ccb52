package handover

import (
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// A new process that begins after the old one was killed finds all that it needs to serve,
// also with more sockets than one message carries.
func TestGreetingOutlivesTheOldProcess(t *testing.T) {
	old, fresh := ends(t)
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	var handed Sockets
	var fds []int
	for i := range DescriptorsMost + 1 {
		handed.Names, fds = append(handed.Names, strconv.Itoa(i)), append(fds, fd)
	}
	s := &Successor{conn: old}
	if err := s.greet(Hello{Program: "x"}, handed, fds); err != nil {
		t.Fatal(err)
	}
	old.Close()
	p := &Predecessor{conn: fresh}
	if err := p.meet(); err != nil {
		t.Fatal(err)
	}
	if p.Hello.Program != "x" || len(p.sockets) != len(fds) {
		t.Errorf("%q greets, with %d sockets, want %d", p.Hello.Program, len(p.sockets), len(fds))
	}
	for _, s := range p.sockets {
		unix.Close(s.FD)
	}
}

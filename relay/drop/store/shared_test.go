package store

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A directory has one thing, however it is opened; two directories have two.
func TestShared(t *testing.T) {
	t.Parallel()
	s := NewShared(func() *int { return new(int) })
	open := func(path string) int {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	a, b := t.TempDir(), t.TempDir()
	one := s.Of(open(a))
	if s.Of(open(a+"/.")) != one {
		t.Error("opened again it has another")
	}
	if s.Of(open(b)) == one {
		t.Error("another directory has the same")
	}
	if first, second := s.Of(-1), s.Of(-1); first == second {
		t.Error("what is no directory is shared")
	}
}

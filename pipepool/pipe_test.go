package pipepool

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestNewPipeSize(t *testing.T) {
	for _, c := range []struct{ ask, least, want int }{
		{4096, 4096, 4096},
		{5000, 4096, 8192}, // the kernel rounds up to a power of two
		{64 << 10, 64 << 10, 64 << 10},
		{1 << 20, 64 << 10, 1 << 20},
	} {
		p, err := newPipe(c.ask, c.least)
		if err != nil {
			t.Errorf("newPipe(%d, %d): %v", c.ask, c.least, err)
			continue
		}
		granted, _ := unix.FcntlInt(uintptr(p.R), unix.F_GETPIPE_SZ, 0)
		if p.Capacity != c.want || granted != c.want {
			t.Errorf("newPipe(%d, %d) has %d bytes and says %d, want %d", c.ask, c.least, granted, p.Capacity, c.want)
		}
		p.close()
	}
}

// A size below least is refused, and the pipe that was made for it is not left behind.
func TestNewPipeRefusedLeavesNothing(t *testing.T) {
	before := descriptors(t)
	for range 3 {
		if p, err := newPipe(4096, 8192); err == nil {
			t.Errorf("newPipe granted %d bytes, less than the least", p.Capacity)
			p.close()
		}
	}
	if now := descriptors(t); now != before {
		t.Errorf("%d descriptors, %d before", now, before)
	}
}

func hasFlags(t *testing.T, fd int) bool {
	t.Helper()
	status, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil {
		t.Fatal(err)
	}
	return status&unix.O_NONBLOCK != 0 && flags&unix.FD_CLOEXEC != 0
}

package loop

import (
	"testing"

	"golang.org/x/sys/unix"
)

// owner is an Owner made of a function.
type owner func(tag uint8, ev Events)

func (o owner) Ready(tag uint8, ev Events) { o(tag, ev) }

// nobody must hear of nothing.
func nobody(t *testing.T, what string) owner {
	return func(_ uint8, ev Events) { t.Errorf("%s: an event %#x", what, uint32(ev)) }
}

// counter counts the events it hears of.
type counter struct {
	n   int
	all Events
}

func (c *counter) Ready(_ uint8, ev Events) { c.n++; c.all |= ev }

func newLoop(t *testing.T) *Loop {
	t.Helper()
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// script runs the loop on the calling goroutine: steps[i] is posted work of round i, so
// that what it makes ready is dispatched in round i+1, before steps[i+1]. The loop stops
// in the round after the last step.
func script(t *testing.T, l *Loop, steps ...func()) {
	t.Helper()
	var next func()
	next = func() {
		if len(steps) == 0 {
			l.stopped = true
			return
		}
		step := steps[0]
		steps = steps[1:]
		step()
		l.Post(next)
	}
	l.Post(next)
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
}

// idle is a step that lets a round pass.
func idle() {}

// pair is a connected pair of stream sockets; the test closes what the loop does not.
func pair(t *testing.T) (near, far int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fds[0], fds[1]
}

// readable is a descriptor with a byte to read, for as long as the test runs.
func readable(t *testing.T) int {
	t.Helper()
	near, far := pair(t)
	send(t, far)
	t.Cleanup(func() {
		unix.Close(near)
		unix.Close(far)
	})
	return near
}

func send(t *testing.T, fd int) {
	t.Helper()
	if _, err := unix.Write(fd, []byte{1}); err != nil {
		t.Fatal(err)
	}
}

func register(t *testing.T, l *Loop, fd int, o Owner, ask Events) Token {
	t.Helper()
	tok, errno := l.Register(fd, o, 0, ask)
	if errno != 0 {
		t.Fatal(errno)
	}
	return tok
}

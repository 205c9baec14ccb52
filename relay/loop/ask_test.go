package loop

import (
	"testing"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// What epoll knows already is not told again. Here epoll has lost the descriptor behind
// the loop's back, so that every call it gets fails.
func TestAskSendsOnlyChanges(t *testing.T) {
	for _, c := range []struct {
		name        string
		before, ask Events
		want        sock.Errno
	}{
		{"the same", In, In, 0},
		{"nothing and nothing", 0, 0, 0},
		{"both and both", In | Out, In | Out, 0},
		{"more", In, In | Out, unix.ENOENT},
		{"less", In, 0, unix.ENOENT},
		{"other", In, Out, unix.ENOENT},
	} {
		l := newLoop(t)
		fd := readable(t)
		tok := register(t, l, fd, nobody(t, c.name), c.before)
		unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil)
		if errno := l.Ask(tok, c.ask); errno != c.want {
			t.Errorf("%s: Ask says %v, want %v", c.name, error(errno), error(c.want))
		}
		l.close()
	}
}

func TestAskChangesWhatIsHeard(t *testing.T) {
	l := newLoop(t)
	near := readable(t)
	var c counter
	tok := register(t, l, near, &c, 0)
	heard := func(step string, want Events) func() {
		return func() {
			if c.all != want {
				t.Errorf("%s: heard %#x, want %#x", step, uint32(c.all), uint32(want))
			}
		}
	}
	ask := func(ev Events) func() { return func() { l.Ask(tok, ev); c = counter{} } }
	script(t, l,
		idle, heard("nothing asked", 0),
		ask(In), heard("In", In),
		ask(In|Out), heard("both", In|Out),
		ask(Out), heard("Out", Out),
		ask(0), heard("nothing again", 0))
}

// A hang-up comes whether asked for or not, and would wake the loop without end; a
// parked end is silent until something is asked of it.
func TestParkSilencesAHangUp(t *testing.T) {
	l := newLoop(t)
	near, far := pair(t)
	defer unix.Close(near)
	var c counter
	tok := register(t, l, near, &c, 0)
	unix.Close(far)
	count := 0
	script(t, l,
		idle,
		func() {
			if c.all&Hup == 0 {
				t.Errorf("heard %#x, want a hang-up", uint32(c.all))
			}
			l.Park(tok)
			l.Park(tok)
			count = c.n
		},
		idle,
		func() { l.Ask(tok, 0) }, // nothing is asked: stay away
		idle,
		func() {
			if c.n != count {
				t.Errorf("%d events of a parked end", c.n-count)
			}
			if errno := l.Ask(tok, In); errno != 0 {
				t.Errorf("Ask of a parked end: %v", errno)
			}
		},
		func() {
			if c.n == count {
				t.Error("a parked end did not come back when it was asked")
			}
		})
}

// EPOLL_CTL_MOD of an exclusive end is EINVAL; parking and asking is DEL and ADD.
func TestExclusiveComesBack(t *testing.T) {
	l := newLoop(t)
	fd := readable(t)
	var c counter
	tok := register(t, l, fd, &c, In|Exclusive)
	if errno := l.Ask(tok, In|Out|Exclusive); errno != unix.EINVAL {
		t.Errorf("modifying an exclusive end: %v, want EINVAL", error(errno))
	}
	script(t, l,
		func() { l.Park(tok) },
		func() { c.n = 0 },
		func() {
			if c.n != 0 {
				t.Error("a parked listener was told of a client")
			}
			if errno := l.Ask(tok, In|Exclusive); errno != 0 {
				t.Errorf("asking again: %v", errno)
			}
		},
		func() {
			if c.n != 1 {
				t.Errorf("%d events after asking again, want 1", c.n)
			}
		})
}

// Unregister takes the end out of epoll and leaves the descriptor open.
func TestLeaveKeepsTheDescriptor(t *testing.T) {
	l := newLoop(t)
	fd := readable(t)
	l.Unregister(register(t, l, fd, nobody(t, "left"), In))
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil); err != unix.ENOENT {
		t.Errorf("epoll still has it: %v", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
		t.Errorf("the descriptor: %v", err)
	}
	parked := register(t, l, fd, nobody(t, "parked and left"), In)
	l.Park(parked)
	l.Unregister(parked)
	register(t, l, fd, &counter{}, In)
	script(t, l, idle)
}

// Edge asks once for each arrival: bytes that stay in the socket are not heard of again.
func TestEdge(t *testing.T) {
	l := newLoop(t)
	near, far := pair(t)
	defer unix.Close(near)
	defer unix.Close(far)
	var c counter
	register(t, l, near, &c, In|Edge)
	script(t, l, func() { send(t, far) }, idle, idle, idle, func() { send(t, far) }, idle, idle)
	if c.n != 2 {
		t.Errorf("%d events for 2 arrivals", c.n)
	}
}

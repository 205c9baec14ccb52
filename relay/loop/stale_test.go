package loop

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Two ends are ready in one batch; whoever is told first closes the other and opens a
// connection that gets the same descriptor number. The event of the dead one must not
// reach the new one.
func TestStaleEventIsDropped(t *testing.T) {
	for name, leave := range map[string]func(*Loop, Token){"forget": (*Loop).Forget, "unregister": (*Loop).Unregister} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			var fds [2]int
			var tokens [2]Token
			told := 0
			hear := func(tag uint8, _ Events) {
				told++
				other := 1 - tag
				leave(l, tokens[other])
				unix.Close(fds[other])
				reuse(t, l, fds[other], tokens[other])
				leave(l, tokens[tag])
			}
			for i := range fds {
				near, far := pair(t)
				defer unix.Close(far)
				send(t, far)
				fds[i] = near
				tokens[i], _ = l.Register(near, owner(hear), uint8(i), In)
			}
			script(t, l, idle, idle, idle)
			if told != 1 {
				t.Errorf("%d owners were told, want only the first", told)
			}
		})
	}
}

// reuse registers a silent socket under the descriptor number that was just closed.
func reuse(t *testing.T, l *Loop, fd int, old Token) {
	near, far := pair(t)
	t.Cleanup(func() {
		unix.Close(near)
		unix.Close(far)
	})
	if near != fd {
		if err := unix.Dup3(near, fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
	}
	tok := register(t, l, fd, nobody(t, "the reused descriptor"), In)
	if tok.slot() == old.slot() {
		t.Errorf("slot %d was reused in the round in which it was freed", tok.slot())
	}
}

// In a later round the slot may be reused, and the old token still names nobody.
func TestSlotIsReusedWithANewGeneration(t *testing.T) {
	l := newLoop(t)
	near, far := pair(t)
	defer unix.Close(near)
	defer unix.Close(far)
	var old, fresh Token
	script(t, l,
		func() { old = register(t, l, near, nobody(t, "the old end"), In); l.Unregister(old) },
		func() {
			fresh = register(t, l, near, &counter{}, 0)
			if fresh.slot() != old.slot() || fresh == old {
				t.Errorf("token %#x after %#x: want the slot again, in another generation", fresh, old)
			}
			l.Unregister(old) // a second call must not end the new one
			l.Forget(old)
			l.Park(old)
			l.Ask(old, In)
			l.Again(old)
		},
		func() { send(t, far) },
		func() {
			if s := l.ends.at(fresh); s == nil || !s.inEpoll || s.armed != 0 {
				t.Errorf("calls with the old token changed the new end: %+v", s)
			}
		})
}

// An end that closes itself from its own event gets no further event, though it had
// asked for a turn.
func TestNothingAfterUnregister(t *testing.T) {
	l := newLoop(t)
	fd := readable(t)
	told := 0
	var tok Token
	tok = register(t, l, fd, owner(func(uint8, Events) {
		told++
		l.Again(tok)
		l.Unregister(tok)
	}), In)
	script(t, l, idle, idle, idle)
	if told != 1 {
		t.Errorf("the owner was told %d times, want once", told)
	}
}

// A failed registration leaves no slot behind and names no end.
func TestRegisterFails(t *testing.T) {
	l := newLoop(t)
	tok, errno := l.Register(-1, nobody(t, "no descriptor"), 0, In)
	if errno != unix.EBADF || tok != 0 {
		t.Errorf("Register of no descriptor: %#x, %v; want 0, EBADF", tok, errno)
	}
	fd := readable(t)
	first := register(t, l, fd, nobody(t, "the first"), 0)
	if tok, errno := l.Register(fd, nobody(t, "the second"), 0, In); errno != unix.EEXIST || tok != 0 {
		t.Errorf("Register twice: %#x, %v; want 0, EEXIST", tok, errno)
	}
	script(t, l, idle)
	if l.ends.at(first) == nil || len(l.ends.spare) != 2 {
		t.Errorf("%d slots are free, want the 2 of the failures", len(l.ends.spare))
	}
}

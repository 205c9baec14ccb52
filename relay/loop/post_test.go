package loop

import (
	"errors"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPostFromMany(t *testing.T) {
	const posters, each = 8, 2000
	l := newLoop(t)
	got := make([]int, posters) // touched by the loop's thread only; the race detector checks it
	total := 0
	for i := range posters {
		go func() {
			for n := range each {
				l.Post(func() {
					if got[i] != n {
						t.Errorf("poster %d: %d came when %d was due", i, n, got[i])
					}
					got[i]++
					if total++; total == posters*each {
						l.Stop()
					}
				})
			}
		}()
	}
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	if total != posters*each {
		t.Errorf("%d of %d were run", total, posters*each)
	}
}

// A loop that sleeps is woken by every post: each waits for the one before.
func TestPostWakes(t *testing.T) {
	l := newLoop(t)
	var done sync.WaitGroup
	done.Go(func() {
		for range 2000 {
			ran := make(chan struct{})
			l.Post(func() { close(ran) })
			<-ran
		}
		l.Stop()
	})
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	done.Wait()
}

// What is posted by posted work comes in the next round, so that a chain of it cannot
// shut out events.
func TestPostFromPosted(t *testing.T) {
	l := newLoop(t)
	var first, second uint64
	script(t, l, func() {
		first = l.Turns()
		l.Post(func() { second = l.Turns() })
	}, idle, idle)
	if second != first+1 {
		t.Errorf("posted in round %d, run in %d", first, second)
	}
}

func TestStop(t *testing.T) {
	l := newLoop(t)
	ran := false
	l.Post(func() {
		l.Stop()
		l.Post(func() { ran = true }) // in the round that Stop ends, behind it
	})
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	if !ran {
		t.Error("what was posted before the last round ended was not run")
	}
	for _, fd := range []int{l.epoll, l.wake} {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
			t.Errorf("descriptor %d is still open: %v", fd, err)
		}
	}
}

// The number of the closed eventfd may name a client's socket by now. A post that comes
// late (a disk worker, another loop) must not write into it.
func TestPostAfterStopTouchesNothing(t *testing.T) {
	l := newLoop(t)
	script(t, l)
	near, far := pair(t)
	reader, err := unix.FcntlInt(uintptr(far), unix.F_DUPFD_CLOEXEC, 1000) // out of the way of the number in question
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(reader)
	if near != l.wake {
		if err := unix.Dup3(near, l.wake, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		unix.Close(near)
	}
	defer unix.Close(l.wake)
	if far != l.wake {
		unix.Close(far)
	}
	l.Post(func() { t.Error("posted work ran after the loop stopped") })
	var buf [8]byte
	if n, err := unix.Read(reader, buf[:]); err != unix.EAGAIN {
		t.Errorf("%d bytes %v were written into somebody else's descriptor (%v)", n, buf[:max(n, 0)], err)
	}
}

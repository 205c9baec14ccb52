package harness

import (
	"fmt"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// heir is a process that has taken over from the one that the harness started. It is a
// child of that one, and the harness's once that one is gone.
type heir struct {
	gone   chan struct{} // closed when it has ended
	status unix.WaitStatus
}

// adoptOrphans makes processes whose parent ends children of this one, so that it can
// wait for them: PR_SET_CHILD_SUBREAPER of prctl(2).
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_CHILD_SUBREAPER: %w", err)
	}
	return nil
}

// code is the exit code, -1 if a signal killed it or nobody knows.
func (h *heir) code() int {
	<-h.gone
	return h.status.ExitStatus()
}

func newHeir(pid int) (*heir, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("pidfd_open %d: %w", pid, err)
	}
	h := &heir{gone: make(chan struct{}), status: 0xff00} // until it is known: exit code 255
	go func() {
		defer close(h.gone)
		defer unix.Close(fd)
		for {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
			if err != unix.EINTR {
				break
			}
		}
		for {
			// ECHILD: its parent is still there, and has waited for it.
			if _, err := unix.Wait4(pid, &h.status, 0, nil); err != unix.EINTR {
				break
			}
		}
	}()
	return h, nil
}

// What the log says of the outcome of an upgrade.
const (
	Upgraded      = "upgraded: a new process serves"
	UpgradeFailed = "upgrade failed; this process goes on"
)

// TryUpgrade sends SIGUSR2 and returns the line that says what came of it. If a new
// process has taken over, the Relay is that one from here on.
func (r *Relay) TryUpgrade(t testing.TB) Line {
	t.Helper()
	before := len(r.Journal.Lines())
	r.send(t, syscall.SIGUSR2)
	return r.Outcome(t, before)
}

// Outcome waits for the line after the first n that says what came of an upgrade, and
// goes over to the new process if there is one.
func (r *Relay) Outcome(t testing.TB, n int) Line {
	t.Helper()
	l := r.Since(t, n, "the outcome of an upgrade", func(l Line) bool {
		return l.Message == Upgraded || l.Message == UpgradeFailed
	})
	if l.Message == Upgraded {
		r.Succeed(t, int(l.Field("pid").(float64)))
	}
	return l
}

// Succeed goes over to a process that has taken over.
func (r *Relay) Succeed(t testing.TB, pid int) {
	t.Helper()
	h, err := newHeir(pid)
	if err != nil {
		t.Fatalf("%v; the log ends with:\n%s", err, r.Journal.Tail(20))
	}
	r.PID, r.heir = pid, h
}

// Upgrade is TryUpgrade that must succeed.
func (r *Relay) Upgrade(t testing.TB) Line {
	t.Helper()
	l := r.TryUpgrade(t)
	if l.Message != Upgraded {
		t.Fatalf("%s\n%s", l.Raw, r.Journal.Tail(20))
	}
	return l
}

package test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
)

// killRounds is how often a process is killed at some moment of an upgrade.
func killRounds() int {
	switch {
	case harness.Full:
		return 40
	case testing.Short():
		return 1
	}
	return 4
}

// The new process is killed at any moment of an upgrade. As long as nothing was given to
// it, nothing is harmed. Later what it had been given ends with it, and nothing else.
func TestUpgradeNewProcessKilled(t *testing.T) {
	t.Parallel()
	for round := range killRounds() {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			path := copyProgram(t)
			r := setup{options: harness.Options{Program: path}}.start(t)
			j := r.depart(t, 2*len(kinds))
			before := len(r.Journal.Lines())
			pid, after := beginUpgrade(t, r, path)
			time.Sleep(after) // the moment is what the test is about
			must(t, "kill", syscall.Kill(pid, syscall.SIGKILL))
			l := r.Since(t, before, "the outcome", func(l harness.Line) bool {
				return l.Message == harness.Upgraded || l.Message == harness.UpgradeFailed
			})
			t.Logf("killed after %v: %s", after, l.Raw)
			if l.Message == harness.Upgraded {
				j.tell()
				r.Exit(t) // it served, and is dead; so is the other
				return
			}
			lost, _ := l.Field("sessions_lost").(float64)
			wantBroken(t, j, int(lost))
			r.open(t).ping(t)
		})
	}
}

// The old process is killed at any moment of an upgrade: what it had not given away ends
// with it, and the new one serves.
func TestUpgradeOldProcessKilled(t *testing.T) {
	t.Parallel()
	for round := range killRounds() {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			path := copyProgram(t)
			r := setup{options: harness.Options{Program: path}}.start(t)
			j := r.depart(t, 2*len(kinds))
			pid, after := beginUpgrade(t, r, path)
			time.Sleep(after)
			must(t, "kill", syscall.Kill(r.PID, syscall.SIGKILL))
			r.Succeed(t, pid)
			address := r.Address(t, "web")
			harness.Eventually(t, "the new process serves", func() (bool, any) {
				n := 0
				for _, l := range r.Journal.Lines() {
					if l.Message == "ready" {
						n++
					}
				}
				return n == 2, n
			})
			t.Logf("killed after %v", after)
			wantBroken(t, j, len(j.all))
			if address != r.Address(t, "web") {
				t.Error("it listens elsewhere")
			}
			r.open(t).ping(t)
			r.Rebase(t) // it has no file of the old one's
		})
	}
}

// beginUpgrade has the relay start its successor, and returns that one's number and a
// moment of the upgrade.
func beginUpgrade(t *testing.T, r *rig, path string) (pid int, after time.Duration) {
	t.Helper()
	pid = startNoted(t, r, path, "exec "+harness.Binary()+` "$@"`)
	return pid, rand.N(50 * time.Millisecond)
}

// wantBroken ends the journey. No more than so many sessions may be broken, and they may
// be cut off, but never have got a wrong byte; all others are whole.
func wantBroken(t *testing.T, j *journey, most int) {
	t.Helper()
	j.tell()
	over := make(chan struct{})
	go func() {
		j.running.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(harness.Patience):
		t.Fatal("sessions hang: they are neither alive nor broken")
	}
	broken := 0
	for i, v := range j.all {
		err := join([]error{j.errs[i], v.up.whole(), v.down.whole()})
		if err == nil {
			continue
		}
		broken++
		if strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v", v.kind, err)
		}
	}
	t.Logf("%d of %d sessions ended", broken, len(j.all))
	if broken > most {
		t.Errorf("%d sessions are broken, want %d at most:\n%v", broken, most, join(j.errs))
	}
}

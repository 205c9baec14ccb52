package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"relay/test/harness"
)

// Under a service manager the new process is the manager's child from the first moment,
// and its main process once it has taken over; not before, and not at all if it fails.
func TestUpgradeUnderAService(t *testing.T) {
	t.Parallel()
	m := harness.NewService(t)
	m.Store = 8
	path := copyProgram(t)
	r := setup{options: harness.Options{Service: m, Program: path}}.start(t)
	p := r.open(t)
	p.ping(t)

	before := len(r.Journal.Lines())
	pid := hang(t, r, path)
	if parent := parentOf(t, pid); parent != os.Getpid() {
		t.Errorf("the parent of the new process is %d, want that of the old one, %d", parent, os.Getpid())
	}
	must(t, "kill", syscall.Kill(pid, syscall.SIGKILL))
	_, err := syscall.Wait4(pid, nil, 0, nil)
	must(t, "wait", err)
	r.Since(t, before, "the failed upgrade", func(l harness.Line) bool { return l.Message == harness.UpgradeFailed })
	p.ping(t)
	if n := m.Count("MAINPID="); n != 0 {
		t.Errorf("after a failed upgrade the manager was told of %d main processes", n)
	}

	placeProgram(t, path)
	r.Upgrade(t)
	m.Hear(t, 1, fmt.Sprint("MAINPID=", r.PID))
	p.ping(t)
	m.Hear(t, 2, "READY=1") // the new one's
	if n := m.Count("STOPPING=1"); n != 0 {
		t.Errorf("the manager was told %d times that the service stops", n)
	}
	if n := len(m.Kept()); n != 1 {
		t.Errorf("the manager keeps %d sockets, want the one", n)
	}
}

func parentOf(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	must(t, "read", err)
	_, after, _ := strings.Cut(string(text), ") ") // state and parent
	f := strings.Fields(after)
	if len(f) < 2 {
		t.Fatalf("%s", text)
	}
	parent, err := strconv.Atoi(f[1])
	must(t, "number of the parent", err)
	return parent
}

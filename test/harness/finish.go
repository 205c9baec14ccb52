package harness

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Finish checks what a test left behind and stops the program: no descriptor
// left over, exit code 0 after SIGTERM, nothing but JSON in the log. It runs by
// itself at the end of a test, after the connections opened since Start were
// closed. A test that ended the program itself gets the last check only.
func (r *Relay) Finish(t testing.TB) {
	t.Helper()
	if !r.stopAsked {
		if !r.Running() {
			t.Error("the process died")
		} else {
			r.checkLeaks(t)
			r.Stop(t)
		}
	}
	if strays := r.Journal.Strays(); len(strays) > 0 {
		t.Errorf("not JSON in the log:\n%s", strings.Join(strays[:min(len(strays), 200)], "\n"))
	}
}

// Stop ends the program by SIGTERM and fails the test unless it ends well.
func (r *Relay) Stop(t testing.TB) {
	t.Helper()
	r.Signal(t, syscall.SIGTERM)
	if code := r.Exit(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	r.Message(t, "stopped")
}

// checkLeaks waits until the process holds what it held when it was ready. The
// pool may keep pipes; it closes the rest.
func (r *Relay) checkLeaks(t testing.TB) {
	t.Helper()
	saw, ok := poll(Patience, func() (bool, any) {
		now := r.Descriptors(t)
		return now.Within(r.baseline), now
	})
	if !ok {
		t.Errorf("descriptors left over: %v, %v when it was ready", saw, r.baseline)
	}
}

// bury kills what still runs and shows the log of a failed test.
func (r *Relay) bury(t testing.TB) {
	r.killAll()
	<-r.exited
	if t.Failed() {
		t.Logf("the log ends with:\n%s", r.Journal.Tail(25))
	}
}

// killAll kills every process that runs with the configuration file of this test: a
// process may have been started that was to take over, or have handed over and not ended.
func (r *Relay) killAll() {
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range processes {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), r.File()) {
			continue // ended since, or not ours
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

package harness

import (
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
			t.Errorf("the process died with code %d", r.cmd.ProcessState.ExitCode())
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
	if r.Running() {
		_ = r.cmd.Process.Kill()
		<-r.exited
	}
	if t.Failed() {
		t.Logf("the log ends with:\n%s", r.Journal.Tail(25))
	}
}

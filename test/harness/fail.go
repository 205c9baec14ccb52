package harness

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// FailCalls has system calls of the running program fail with an error, as strace
// injects it: calls and errno are its words ("fsync,fdatasync", "EIO"). With a path only
// calls on just that file or directory fail.
//
// It skips the test where strace is not installed, or may not attach.
func (r *Relay) FailCalls(t testing.TB, calls, errno, path string) *Failing {
	t.Helper()
	program, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	trace := filepath.Join(Directory(t), "trace")
	args := []string{"-f", "-qq", "-o", trace, "-e", "trace=" + calls, "-e", fmt.Sprintf("inject=%s:error=%s", calls, errno)}
	if path != "" {
		args = append(args, "-P", path)
	}
	var said bytes.Buffer
	cmd := exec.Command(program, append(args, "-p", fmt.Sprint(r.PID))...)
	cmd.Stderr = &said
	if err := Spawn(cmd); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { _ = cmd.Wait(); close(gone) }() // detaching ends it by a signal
	stop := func() {
		_ = cmd.Process.Signal(unix.SIGTERM) // it detaches; one that is gone is no matter
		<-gone
	}
	t.Cleanup(stop)
	Eventually(t, "strace has all threads", func() (bool, any) {
		select {
		case <-gone:
			t.Skipf("strace cannot attach here: %s", said.String())
		default:
		}
		free := r.untraced()
		return free == 0, free
	})
	return &Failing{trace, stop}
}

// Failing are system calls that fail.
type Failing struct {
	trace string
	stop  func()
}

// Mend has them work again, and says how many have failed.
func (f *Failing) Mend() int {
	f.stop()
	return f.Count()
}

// Count is how many have failed so far.
func (f *Failing) Count() int {
	text, _ := os.ReadFile(f.trace) // without it none has
	return strings.Count(string(text), "(INJECTED)")
}

// untraced is how many threads of the program nobody traces.
func (r *Relay) untraced() (n int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", r.PID))
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), "\nTracerPid:\t0\n") {
			n++
		}
	}
	return n
}

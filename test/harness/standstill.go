package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// loopBatch is how many events a loop of the program asks epoll for, in hexadecimal as
// /proc writes the arguments of a system call. The Go runtime's own poller asks for
// another number.
const loopBatch = "0x100"

// StopLoop has one loop of the program stand still, while its other threads go on: a
// debugger's stop of the thread. resume lets it go on.
func (r *Relay) StopLoop(t testing.TB) (resume func()) {
	t.Helper()
	return StopLoopOf(t, r.PID)
}

// StopLoopOf does it to a program that the test did not start.
func StopLoopOf(t testing.TB, pid int) (resume func()) {
	t.Helper()
	stopped, over, done := make(chan error), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // who stops a thread must be who lets it go on
		defer runtime.UnlockOSThread()
		thread, err := loopThread(pid)
		if err == nil {
			err = stopThread(thread)
		}
		stopped <- err
		<-over
		if err == nil && unix.PtraceDetach(thread) != nil {
			_, _ = unix.Wait4(thread, nil, unix.WALL, nil) // it was killed, and stays until we have seen that
		}
	}()
	err := <-stopped
	resumed := false
	resume = func() {
		if !resumed {
			resumed = true
			close(over)
			<-done
		}
	}
	t.Cleanup(resume)
	if err != nil {
		t.Fatal(err)
	}
	return resume
}

// loopThread finds a thread that waits in a loop.
func loopThread(pid int) (int, error) {
	var seen string
	_, ok := poll(Patience, func() (bool, any) {
		seen = ""
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
		for _, path := range tasks {
			text, _ := os.ReadFile(path)
			if f := strings.Fields(string(text)); len(f) > 3 && f[3] == loopBatch {
				seen = filepath.Base(filepath.Dir(path))
				return true, nil
			}
		}
		return false, nil
	})
	if !ok {
		return 0, fmt.Errorf("no thread of %d waits in a loop", pid)
	}
	return strconv.Atoi(seen)
}

func stopThread(thread int) error {
	if err := unix.PtraceSeize(thread); err != nil {
		return fmt.Errorf("ptrace: %w", err)
	}
	if err := unix.PtraceInterrupt(thread); err != nil {
		return fmt.Errorf("ptrace: %w", err)
	}
	_, err := unix.Wait4(thread, nil, unix.WALL, nil)
	return err
}

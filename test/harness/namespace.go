package harness

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace of the test's own, with nothing in it but a
// loopback device: what one does in it (settings, routes) harms nobody.
//
// It lives as long as its thread and the sockets made in it.
type Namespace struct {
	work chan func()
}

// NewNamespace makes one, or skips the test where that is not allowed. It is gone
// at the end of the test.
func NewNamespace(t testing.TB) *Namespace {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	n, err := newNamespace(t, func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		return loopbackUp()
	})
	if err != nil {
		t.Skipf("no network namespace here: %v", err)
	}
	return n
}

// JoinNamespace is the network namespace of a process, as long as the test lasts.
func JoinNamespace(t testing.TB, pid int) *Namespace {
	t.Helper()
	n, err := newNamespace(t, func() error {
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
	})
	if err != nil {
		t.Fatalf("the network namespace of %d: %v", pid, err)
	}
	return n
}

func newNamespace(t testing.TB, enter func() error) (*Namespace, error) {
	n := &Namespace{work: make(chan func())}
	ready := make(chan error)
	go n.serve(enter, ready)
	if err := <-ready; err != nil {
		return nil, err
	}
	t.Cleanup(func() { close(n.work) })
	return n, nil
}

// serve runs everything that must happen in the namespace on one thread, which
// belongs to it. It never unlocks the thread: the runtime then ends it, rather than
// let it run other goroutines in the wrong network.
func (n *Namespace) serve(enter func() error, ready chan<- error) {
	runtime.LockOSThread()
	err := enter()
	ready <- err
	if err != nil {
		return
	}
	for f := range n.work {
		f()
	}
}

// Do runs f inside. A socket made there stays there, wherever it is used later.
func (n *Namespace) Do(f func() error) error {
	done := make(chan error)
	n.work <- func() { done <- f() }
	return <-done
}

// loopbackUp brings up "lo", which starts down in a new namespace.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

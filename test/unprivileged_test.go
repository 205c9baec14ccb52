package test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"relay/test/harness"
	"relay/test/peer"
)

// unprivileged has the program run as a user of no rights. The kernel grants such a
// user 64 MiB of pipes in all (fs.pipe-user-pages-soft); past that F_SETPIPE_SZ fails
// with EPERM and new pipes hold 8 KiB.
func unprivileged(t *testing.T, s setup) *rig {
	t.Helper()
	s.options.Unprivileged = true
	r := s.start(t)
	if os.Getuid() == 0 {
		var info unix.Stat_t
		must(t, "stat", unix.Stat(fmt.Sprint("/proc/", r.PID), &info))
		if info.Uid != harness.Nobody {
			t.Fatalf("the program runs as user %d", info.Uid)
		}
	}
	return r
}

// A short stretch of everything, as a user of no rights.
func TestUnprivileged(t *testing.T) {
	for _, splice := range spliceModes {
		t.Run(splice, func(t *testing.T) {
			r := unprivileged(t, setup{splice: splice})
			carryShape(t, r, shape{stages: changing(2)}, 1)
			carryMany(t, r, 32, scaled(8*mib))
		})
	}
}

// A unix socket of an unprivileged user's own.
func TestUnprivilegedUnix(t *testing.T) {
	r := unprivileged(t, setup{listen: "unix"})
	carryShape(t, r, shape{stages: changing(1)}, 1)
}

// More pipes are wanted than the user may have: 120 blocked streams each way, for which
// a megabyte each would be 240 MiB. Streams that get none copy: slower, never an error.
// And those that run meanwhile are not starved.
//
// The sockets are unix ones, whose buffers are small. TCP would take some 20 MB for a
// blocked session, and with all of them the kernel would run out of memory for TCP
// (tcp_mem) and hold up every connection of the machine.
func TestPipeAllowanceRunsOut(t *testing.T) {
	const sessions = 120
	r := unprivileged(t, setup{
		splice: "always", listen: "unix", backends: []string{"unix"},
		edit: func(c *harness.Config) { c.Engine["pipe_budget"] = "512MiB" },
	})
	ups, downs := make([]int64, sessions), make([]int64, sessions)
	all := r.openMany(t, sessions)
	inParallel(sessions, func(i int) {
		ups[i], _ = all[i].client.WriteBlocked(peer.Stream(2 * i))
		downs[i], _ = all[i].backend.WriteBlocked(peer.Stream(2*i + 1))
	})
	t.Logf("%d KiB of pipes", r.PipeBytes(t)/kib)
	r.Quiet(t)
	carryShapeBeside(t, r)
	inParallel(sessions, func(i int) {
		p := all[i]
		_ = p.client.CloseWrite() // what fails shows in what the reader sees
		_ = p.backend.CloseWrite()
		up, down := reading(peer.NewFlow(uint64(2*i)), p.backend), reading(peer.NewFlow(uint64(2*i+1)), p.client)
		if got := <-up; got.end != peer.FIN || got.bytes != ups[i] {
			t.Errorf("session %d up: %v, want FIN after %d", i, got, ups[i])
		}
		if got := <-down; got.end != peer.FIN || got.bytes != downs[i] {
			t.Errorf("session %d down: %v, want FIN after %d", i, got, downs[i])
		}
	})
}

// carryShapeBeside runs a session in full flow while others hold all the pipes.
func carryShapeBeside(t *testing.T, r *rig) {
	t.Helper()
	if err := r.open(t).carry(bulk(1<<20, scaled(64*mib)), bulk(1<<21, scaled(64*mib))); err != nil {
		t.Errorf("a session beside blocked ones: %v", err)
	}
}

// inParallel runs f for 0 to n-1, all at once.
func inParallel(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

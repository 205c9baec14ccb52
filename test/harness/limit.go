package harness

import (
	"maps"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// limited starts the program with RLIMIT_NOFILE at n, soft and hard. The limit is
// inherited at exec, so a shell sets it and becomes the program.
func limited(n uint64, args []string) *exec.Cmd {
	script := `ulimit -n "$1" && shift && exec "$@"`
	all := append([]string{"-c", script, "sh", strconv.FormatUint(n, 10), binary}, args...)
	return exec.Command("sh", all...)
}

// LeaveDescriptors lowers the soft RLIMIT_NOFILE of the running process, as if
// something else in it had used up all descriptors but so many. restore lifts the
// limit again.
//
// The limit is on numbers, not on how many are open: the numbers still free below it
// are what is left.
func (r *Relay) LeaveDescriptors(t testing.TB, left int) (restore func()) {
	t.Helper()
	taken := r.settled(t)
	limit := uint64(3) // standard input, output and error
	for ; left > 0 || taken[int(limit)] != ""; limit++ {
		if taken[int(limit)] == "" {
			left--
		}
	}
	before := r.setLimit(t, limit)
	return func() { r.setLimit(t, before) }
}

// settled is what the process holds open, once two looks agree: a descriptor that was
// open for a moment only would leave its number free below the limit.
func (r *Relay) settled(t testing.TB) map[int]string {
	t.Helper()
	seen := r.open(t)
	Eventually(t, "the descriptors stay the same", func() (bool, any) {
		before := seen
		seen = r.open(t)
		return maps.Equal(before, seen), seen
	})
	return seen
}

func (r *Relay) setLimit(t testing.TB, soft uint64) (before uint64) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Prlimit(r.PID, unix.RLIMIT_NOFILE, nil, &old); err != nil {
		t.Fatalf("prlimit: %v", err)
	}
	fresh := unix.Rlimit{Cur: soft, Max: old.Max}
	if err := unix.Prlimit(r.PID, unix.RLIMIT_NOFILE, &fresh, nil); err != nil {
		t.Fatalf("prlimit %d: %v", soft, err)
	}
	return old.Cur
}

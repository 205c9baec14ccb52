package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// CPU is the time the threads of the process have run so far. It comes from
// schedstat: the clock behind utime and stime is too coarse for short windows.
func (r *Relay) CPU(t testing.TB) time.Duration {
	t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", r.PID))
	if len(files) == 0 {
		t.Fatalf("the process is gone; the log ends with:\n%s", r.Journal.Tail(20))
	}
	var total time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that ended
		}
		ran, _ := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		total += time.Duration(ran)
	}
	return total
}

// Quiet fails the test if the process uses 5 % of a core or more over a second in
// which it has nothing to do. The window is what is measured, not a wait.
func (r *Relay) Quiet(t testing.TB) {
	t.Helper()
	const window, limit = time.Second, 0.05
	before, start := r.CPU(t), time.Now()
	time.Sleep(window)
	share := float64(r.CPU(t)-before) / float64(time.Since(start))
	t.Logf("CPU while there is nothing to do: %.2f %%", 100*share)
	if share >= limit && !Race {
		t.Errorf("CPU while there is nothing to do: %.1f %% of a core, want below %.0f %%", 100*share, 100*limit)
	}
}

// AnonBytes is the private memory of the process, without the pages of its
// program file.
func (r *Relay) AnonBytes(t testing.TB) int {
	t.Helper()
	return r.status(t, "RssAnon") * 1024
}

// Threads is the number of its threads.
func (r *Relay) Threads(t testing.TB) int {
	t.Helper()
	return r.status(t, "Threads")
}

// status is the number at a key of /proc/PID/status.
func (r *Relay) status(t testing.TB, key string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.PID))
	if err != nil {
		t.Fatalf("%v; the log ends with:\n%s", err, r.Journal.Tail(20))
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n
		}
	}
	t.Fatalf("no %s in /proc/%d/status", key, r.PID)
	return 0
}

package main

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

func TestParseSchedstat(t *testing.T) {
	got, err := parseSchedstat([]byte("597171 120 3\n"))
	if err != nil || got != 597171 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := parseSchedstat([]byte("\n")); err == nil {
		t.Error("an empty schedstat is no error")
	}
}

func TestCPUSince(t *testing.T) {
	before := processUse{threads: map[int]time.Duration{1: 10, 2: 20}, clock: 35}
	tests := []struct {
		name  string
		after processUse
		want  time.Duration
	}{
		{"same threads", processUse{threads: map[int]time.Duration{1: 15, 2: 21}, clock: 99}, 6},
		{"one more", processUse{threads: map[int]time.Duration{1: 15, 2: 21, 3: 4}, clock: 99}, 10},
		{"one ended", processUse{threads: map[int]time.Duration{1: 15}, clock: 47}, 12},
	}
	for _, test := range tests {
		if got := test.after.since(before); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestReadCPUOfAWorkingProcess(t *testing.T) {
	pids := []int{os.Getpid()}
	before, err := readCPU(pids)
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 50*time.Millisecond; {
	}
	after, err := readCPU(pids)
	if err != nil {
		t.Fatal(err)
	}
	if used := after.since(before); used <= 0 || used > 10*time.Second {
		t.Errorf("50 ms of work took %v of CPU", used)
	}
	if clock := after[0].clock - before[0].clock; clock <= 0 {
		t.Errorf("the process's clock moved by %v", clock)
	}
}

func TestParseIdle(t *testing.T) {
	got, err := parseIdle("cpu  10 0 20 300 7 0 4 1 0 0\ncpu0 1 2 3 4 5\n")
	if err != nil || got != 3070*time.Millisecond {
		t.Errorf("%v, %v", got, err)
	}
}

func TestParseAnonymous(t *testing.T) {
	got, err := parseAnonymous([]byte("00400000-7fff rollup\nRss:   100 kB\nAnonymous:            3376 kB\nLazyFree: 0 kB\n"))
	if err != nil || got != 3376<<10 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := parseAnonymous([]byte("Rss: 1 kB\n")); err == nil {
		t.Error("a rollup without the line is no error")
	}
}

func TestParseTCPMemory(t *testing.T) {
	got, err := parseTCPMemory("sockets: used 504\nTCP: inuse 489 orphan 0 tw 638 alloc 493 mem 576232\nUDP: inuse 0 mem 7\n")
	if err != nil || got != 576232 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := parseTCPMemory("sockets: used 504\n"); err == nil {
		t.Error("a file without the line is no error")
	}
}

func TestParseStat(t *testing.T) {
	tests := []struct {
		text        string
		pid, parent int
	}{
		{"42 (relay) S 7 42 42 0", 42, 7},
		{"43 (a) b (c)) R 8 1 1", 43, 8},
		{"44", 0, 0},
		{"45 (x)", 0, 0},
	}
	for _, test := range tests {
		if pid, parent := parseStat(test.text); pid != test.pid || parent != test.parent {
			t.Errorf("%q: %d, %d", test.text, pid, parent)
		}
	}
}

func TestFamilyFindsChildren(t *testing.T) {
	cmd := exec.Command("sleep", "30")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	pids, err := family(os.Getpid())
	if err != nil || !slices.Contains(pids, cmd.Process.Pid) || pids[0] != os.Getpid() {
		t.Errorf("%v, %v; the child is %d", pids, err, cmd.Process.Pid)
	}
	if pids, err := family(0); err != nil || len(pids) != 0 {
		t.Errorf("process 0 has the family %v, %v", pids, err)
	}
}

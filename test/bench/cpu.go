package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// cpuUse is the run time of some processes so far: by thread from
// /proc/PID/task/TID/schedstat, and as a whole from each process's CPU clock.
type cpuUse []processUse

type processUse struct {
	pid     int
	threads map[int]time.Duration
	clock   time.Duration // also counts threads that have ended
}

func readCPU(pids []int) (cpuUse, error) {
	use := make(cpuUse, 0, len(pids))
	for _, pid := range pids {
		threads, err := threadTimes(pid)
		if err != nil {
			return nil, err
		}
		clock, err := processClock(pid)
		if err != nil {
			return nil, err
		}
		use = append(use, processUse{pid: pid, threads: threads, clock: clock})
	}
	return use, nil
}

// since is the run time between two readings of the same processes.
func (u cpuUse) since(before cpuUse) time.Duration {
	var sum time.Duration
	for i := range u {
		sum += u[i].since(before[i])
	}
	return sum
}

// since adds up what each thread ran. A thread that ended has taken its schedstat
// with it; then the process's own clock, which loses nothing, is the answer.
func (u processUse) since(before processUse) time.Duration {
	for tid := range before.threads {
		if _, lives := u.threads[tid]; !lives {
			return u.clock - before.clock
		}
	}
	var sum time.Duration
	for tid, ran := range u.threads {
		sum += ran - before.threads[tid]
	}
	return sum
}

func threadTimes(pid int) (map[int]time.Duration, error) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("the peer is gone: %w", err)
	}
	threads := make(map[int]time.Duration, len(entries))
	for _, e := range entries {
		tid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(dir + "/" + e.Name() + "/schedstat")
		if err != nil {
			continue // it ended after it was listed
		}
		ran, err := parseSchedstat(stat)
		if err != nil {
			return nil, err
		}
		threads[tid] = ran
	}
	return threads, nil
}

// parseSchedstat takes the first field, nanoseconds spent on a CPU
// (Documentation/scheduler/sched-stats.rst).
func parseSchedstat(stat []byte) (time.Duration, error) {
	field, _, _ := bytes.Cut(bytes.TrimSpace(stat), []byte(" "))
	ran, err := strconv.ParseInt(string(field), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("schedstat: %w", err)
	}
	return time.Duration(ran), nil
}

// clocks is the run time of many processes, where a rough sum will do: one that is gone
// is left out.
type clocks map[int]time.Duration

func readClocks(pids []int) clocks {
	c := make(clocks, len(pids))
	for _, pid := range pids {
		if ran, err := processClock(pid); err == nil {
			c[pid] = ran
		}
	}
	return c
}

func (c clocks) since(before clocks) (sum time.Duration) {
	for pid, ran := range c {
		sum += ran - before[pid]
	}
	return sum
}

// idleTime is how long the machine's CPUs have idled, all together (proc_stat(5)).
func idleTime() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseIdle(string(stat))
}

// parseIdle adds the fields idle and iowait of the first line, in ticks of 10 ms.
func parseIdle(stat string) (time.Duration, error) {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	var name string
	var user, nice, system, idle, iowait int64
	if _, err := fmt.Sscan(stat, &name, &user, &nice, &system, &idle, &iowait); err != nil {
		return 0, fmt.Errorf("/proc/stat: %w", err)
	}
	return time.Duration(idle+iowait) * tick, nil
}

// processClock reads another process's CPU clock. The clock's number is what
// clock_getcpuclockid(3) makes of a process id: its complement, and 2 for "run time
// as the scheduler counts it".
func processClock(pid int) (time.Duration, error) {
	const scheduler = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduler), &ts); err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what a process used, or the difference of two readings.
type Usage struct {
	Wall      time.Duration
	CPU       time.Duration // run time of all threads, exact
	User      time.Duration // its parts, in the proportion that getrusage tells
	System    time.Duration
	Calls     int64 // system calls made through package sock
	Voluntary int64 // context switches because there was nothing to do
	Other     int64 // and because somebody else had to run
	Faults    int64 // page faults, major ones included
}

// readUsage reads everything but Calls, the clocks last.
func readUsage() Usage {
	var r unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &r) // cannot fail
	return Usage{
		User: time.Duration(r.Utime.Nano()), System: time.Duration(r.Stime.Nano()),
		Voluntary: r.Nvcsw, Other: r.Nivcsw, Faults: r.Minflt + r.Majflt,
		CPU: clock(unix.CLOCK_PROCESS_CPUTIME_ID), Wall: clock(unix.CLOCK_MONOTONIC),
	}
}

func clock(id int32) time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(id, &ts) // cannot fail: both are always there
	return time.Duration(ts.Nano())
}

// since is what was used between two readings. The CPU clock is the scheduler's own
// account, to the nanosecond; getrusage has the same sum and splits it by what a tick
// found running, so only its proportion is taken.
func (u Usage) since(before Usage) Usage {
	d := Usage{
		Wall: u.Wall - before.Wall, CPU: u.CPU - before.CPU, Calls: u.Calls - before.Calls,
		Voluntary: u.Voluntary - before.Voluntary, Other: u.Other - before.Other,
		Faults: u.Faults - before.Faults,
	}
	user, system := u.User-before.User, u.System-before.System
	if user+system > 0 {
		d.User = time.Duration(float64(d.CPU) * float64(user) / float64(user+system))
	}
	d.System = d.CPU - d.User
	return d
}

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is USER_HZ, in which the kernel tells times in /proc/stat and /proc/PID/stat.
const tick = time.Second / 100

// cpu is the run time of the receivers, with that of all they have started.
func (w *way) cpu() (total time.Duration) {
	for _, pid := range w.processes() {
		tasks, _ := filepath.Glob("/proc/" + pid + "/task/*") // gone: nothing
		for _, task := range tasks {
			text, _ := os.ReadFile(task + "/schedstat")
			if fields := strings.Fields(string(text)); len(fields) > 0 {
				ns, _ := strconv.ParseInt(fields[0], 10, 64)
				total += time.Duration(ns)
			}
		}
		total += ofEnded(pid)
	}
	return total
}

// ofEnded is the run time of children that have ended and were waited for: cutime and
// cstime in proc(5).
func ofEnded(pid string) (total time.Duration) {
	text, _ := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, _ := strings.Cut(string(text), ") ") // no name of ours has one
	const cutime, cstime = 16 - 3, 17 - 3         // the first is the third
	fields := strings.Fields(rest)
	if len(fields) <= cstime {
		return 0
	}
	for _, field := range []string{fields[cutime], fields[cstime]} {
		ticks, _ := strconv.ParseInt(field, 10, 64)
		total += time.Duration(ticks) * tick
	}
	return total
}

// processes are the receivers and their descendants.
func (w *way) processes() (pids []string) {
	for _, s := range w.servers {
		pids = append(pids, strconv.Itoa(s.Process.Pid))
	}
	for i := 0; i < len(pids); i++ {
		tasks, _ := filepath.Glob("/proc/" + pids[i] + "/task/*")
		for _, task := range tasks {
			children, _ := os.ReadFile(task + "/children")
			pids = append(pids, strings.Fields(string(children))...)
		}
	}
	return pids
}

// settle waits until the children that served are gone, and so counted.
func (w *way) settle(before []string) {
	const patience = 3 * time.Second
	for until := time.Now().Add(patience); len(w.processes()) > len(before) && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
}

// machineBusy is the time that all CPUs together have worked.
func machineBusy() (total time.Duration) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	const idle, iowait, steal, last = 4, 5, 8, 8 // fields of the line "cpu"; the rest are in others
	for i, field := range strings.Fields(line) {
		if i > 0 && i != idle && i != iowait && i != steal && i <= last {
			ticks, _ := strconv.ParseInt(field, 10, 64)
			total += time.Duration(ticks) * tick
		}
	}
	return total
}

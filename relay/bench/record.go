package bench

import (
	"bufio"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/probe"
)

// Record is what a run leaves behind, and all that a report is made of.
type Record struct {
	Date     time.Time
	Machine  Machine
	Kernel   probe.Report
	Sink     string // where it is, "" for a process of its own on this machine
	Dir      string
	FS       string // the file system of Dir
	Plan     Plan
	Results  []Result
	Failures []Failure
	Notes    []string // what was left out, and why
}

// Machine is where the numbers come from.
type Machine struct {
	CPU       string
	CPUs      int
	MemoryMiB uint64
}

// Result is what came out of one case in all rounds that succeeded.
type Result struct {
	Case
	Rounds []Usage
}

// Failure is a measurement that has no numbers.
type Failure struct {
	Case
	Round int // 0: when every byte was compared
	Error string
}

// Find is the result of a case, or nil.
func (r *Record) Find(c Case) *Result {
	i := slices.IndexFunc(r.Results, func(x Result) bool { return x.Case == c })
	if i < 0 {
		return nil
	}
	return &r.Results[i]
}

func (r *Record) add(c Case, u Usage) {
	if x := r.Find(c); x != nil {
		x.Rounds = append(x.Rounds, u)
		return
	}
	r.Results = append(r.Results, Result{Case: c, Rounds: []Usage{u}})
}

func thisMachine() Machine {
	m := Machine{CPUs: runtime.NumCPU(), CPU: "unknown"}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.MemoryMiB = uint64(info.Totalram) * uint64(info.Unit) >> 20
	}
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return m
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}

package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

// phase is where a load stands. It only goes forward.
type phase uint8

const (
	starting  phase = iota // connections are made; ends when the load says it has begun
	warming                // running, not counted
	measuring              // running, counted
	draining               // asked to stop; ends when every byte under way has arrived
)

func (p phase) String() string {
	return [...]string{"starting", "warming up", "measuring", "draining"}[p]
}

// patience is how long a load may take to start, and again to drain.
const patience = 10 * time.Second

// load is the measuring end of a workload: the one that counts what arrives.
type load interface {
	ready(fd int, events uint32) error // one event of the poller
	begun() bool                       // every stream has moved something
	moved() progress                   // so far
	enter(phase) error                 // a new phase begins
	finished() bool                    // everything ended the way it should
}

// progress is what has arrived so far.
type progress struct{ Bytes, Count int64 }

// measured is what happened inside the window.
type measured struct {
	progress
	Elapsed time.Duration
	CPU     time.Duration // the peer's run time
	Foreign float64       // share of the machine's CPUs that went to processes not of this bench
}

// window reads the peer's CPU and the load's counters at its two edges. The same
// thread reads both, back to back: a third process that had to wait for a CPU
// between the two readings would shear them.
type window struct {
	warm, length time.Duration
	peer         int   // process id; 0: no proxy
	pids         []int // the peer and its workers
	household    []int // the bench and everything it has started

	phase phase
	next  time.Time // when the phase ends, or when patience does
	begin edge
	end   edge
}

type edge struct {
	at    time.Time
	cpu   cpuUse
	moved progress
	all   clocks
	idle  time.Duration
}

func (w *window) read(l load) (e edge, err error) {
	e.moved, e.at = l.moved(), time.Now()
	if e.cpu, err = readCPU(w.pids); err != nil {
		return e, err
	}
	e.all = readClocks(w.household)
	e.idle, err = idleTime()
	return e, err
}

// findProcesses is called once every stream is up: only then are the peer's workers
// sure to exist.
func (w *window) findProcesses() (err error) {
	if w.pids, err = family(w.peer); err != nil {
		return err
	}
	w.household, err = family(os.Getppid())
	return err
}

func (w *window) result() measured {
	return measured{
		progress: progress{
			Bytes: w.end.moved.Bytes - w.begin.moved.Bytes,
			Count: w.end.moved.Count - w.begin.moved.Count,
		},
		Elapsed: w.end.at.Sub(w.begin.at),
		CPU:     w.end.cpu.since(w.begin.cpu),
		Foreign: w.foreign(),
	}
}

// foreign is what neither idled nor ran for the bench.
func (w *window) foreign() float64 {
	capacity := w.end.at.Sub(w.begin.at) * time.Duration(runtime.NumCPU())
	foreign := capacity - (w.end.idle - w.begin.idle) - w.end.all.since(w.begin.all)
	return max(foreign.Seconds()/capacity.Seconds(), 0)
}

// turn moves to the next phase when it is time.
func (w *window) turn(l load) (err error) {
	now := time.Now()
	switch {
	case w.phase == starting && l.begun():
		err = w.findProcesses()
		w.next = now.Add(w.warm)
	case now.Before(w.next):
		return nil
	case w.phase == warming:
		w.begin, err = w.read(l)
		w.next = w.begin.at.Add(w.length)
	case w.phase == measuring:
		w.end, err = w.read(l)
		w.next = now.Add(patience)
	default:
		return fmt.Errorf("stalled while %s: %+v so far", w.phase, l.moved())
	}
	if err != nil {
		return err
	}
	w.phase++
	return l.enter(w.phase)
}

// drive runs a load through all its phases.
func drive(p *poller, w *window, l load) error {
	w.next = time.Now().Add(patience)
	for !(w.phase == draining && l.finished()) {
		events, err := p.wait(max(time.Until(w.next), 0))
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := l.ready(int(e.Fd), e.Events); err != nil {
				return fmt.Errorf("%s: %w", w.phase, err)
			}
		}
		if err := w.turn(l); err != nil {
			return err
		}
	}
	return nil
}

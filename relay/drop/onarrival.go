package drop

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// Arrivals runs what on_arrival asks for: a program for each file that arrived, a few at
// a time, away from the loops. One for the whole server, so that a reload ends no
// program.
type Arrivals struct {
	log     zerolog.Logger
	ctx     context.Context
	cancel  context.CancelFunc
	mu      sync.Mutex
	arrived sync.Cond
	queue   []errand
	closed  bool
	running sync.WaitGroup
}

// errand is a program to be run.
type errand struct {
	drop, path, file string // path as clients have it; file on this machine
	size             int64
	command          []string
	limit            time.Duration
}

const (
	errandsAtOnce = 4
	// errandsMost bounds those that wait. Programs that are slower than files arrive miss
	// some, and the log says which.
	errandsMost = 10_000
	// errandsEnd is how long the last ones may take when the server stops.
	errandsEnd = 5 * time.Second
)

// NewArrivals starts the goroutines; Close ends them.
func NewArrivals(log zerolog.Logger) *Arrivals {
	a := &Arrivals{log: log}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.arrived.L = &a.mu
	for range errandsAtOnce {
		a.running.Go(a.run)
	}
	return a
}

// Close lets running programs end, for a moment, and then kills them. What still waits is
// not run.
func (a *Arrivals) Close() {
	a.mu.Lock()
	a.closed = true
	for _, e := range a.queue {
		a.log.Warn().Str("drop", e.drop).Str("file", e.path).Msg("on_arrival was not run: relay stops")
	}
	a.queue = nil
	a.arrived.Broadcast()
	a.mu.Unlock()
	late := time.AfterFunc(errandsEnd, a.cancel)
	a.running.Wait()
	late.Stop()
	a.cancel()
}

func (a *Arrivals) add(e errand) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || len(a.queue) >= errandsMost {
		a.log.Warn().Str("drop", e.drop).Str("file", e.path).Msg("on_arrival was not run: too many files wait for it")
		return
	}
	a.queue = append(a.queue, e)
	a.arrived.Signal()
}

func (a *Arrivals) run() {
	for {
		a.mu.Lock()
		for len(a.queue) == 0 && !a.closed {
			a.arrived.Wait()
		}
		if a.closed {
			a.mu.Unlock()
			return
		}
		e := a.queue[0]
		a.queue = a.queue[1:]
		a.mu.Unlock()
		a.do(e)
	}
}

// errTooLong is in the log, for people.
var errTooLong = errors.New("killed: it took longer than on_arrival_timeout")

// do runs a program in a process group of its own, so that its children end with it when
// its time is over.
func (a *Arrivals) do(e errand) {
	ctx, cancel := context.WithTimeout(a.ctx, e.limit)
	defer cancel()
	if file, err := filepath.Abs(e.file); err == nil { // the program may hand it to one that works elsewhere
		e.file = file
	}
	args := make([]string, len(e.command))
	for i, arg := range e.command {
		args[i] = strings.ReplaceAll(arg, "{path}", e.file)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "RELAY_DROP="+e.drop, "RELAY_FILE="+e.file, "RELAY_SIZE="+strconv.FormatInt(e.size, 10))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	began := time.Now()
	err := cmd.Run()
	if ctx.Err() == context.DeadlineExceeded {
		err = errTooLong
	}
	line := a.log.Info()
	if err != nil {
		line = a.log.Warn().Err(err)
	}
	line.Str("drop", e.drop).Str("file", e.path).Str("program", args[0]).Dur("took_ms", time.Since(began)).Msg("on_arrival")
}

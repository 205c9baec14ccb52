package relay

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
	"relay/pipepool"
	"relay/relay/drop"
	"relay/relay/drop/store"
	"relay/relay/flow"
	"relay/relay/handover"
	"relay/relay/listen"
	"relay/relay/probe"
	"relay/relay/proxy"
	"relay/relay/systemd"
)

const (
	// drainPoll is how often a draining server looks whether the last session is gone.
	drainPoll = 10 * time.Millisecond
	// diskWorkers is how many disk jobs run at once. They wait for disks more than they
	// compute: of what they put into files quick digests.
	diskWorkers = 16
	// bundleWorkers is how many bundles of files are stored at once.
	bundleWorkers = 4
	// bundlesOpen is how many descriptors they take at most, roughly.
	bundlesOpen = bundleWorkers * store.OpenMost
)

// Server runs a configuration, and goes over to another when it is told to.
type Server struct {
	version  string
	began    time.Time
	started  *config.Config // what it started with
	log      zerolog.Logger
	capacity *listen.Capacity
	budget   *pipepool.Budget
	disks    drop.Workers
	arrivals *drop.Arrivals
	workers  []*worker
	running  sync.WaitGroup
	failed   chan error // a loop that could not go on
	state    atomic.Int32

	control sync.Mutex // held while the parts change
	parts   atomic.Pointer[parts]
	reloads reloads

	notifier    systemd.Notifier
	inheritance *listen.Inheritance // the sockets that were given
	stored      map[string]bool     // keys of those that the service manager keeps

	*succession // to the process before and the one after
}

// The states of a server.
const (
	starting int32 = iota
	serving
	draining
	leaving // another process serves, or is about to; this one ends what it still has
)

// New builds a server: everything is opened, nothing runs. What the process was given at
// its start is the server's from then on. On an error nothing stays open. before is the
// process that hands over to this one, nil for none; it gives what the service manager
// gave it.
func New(c *config.Config, log zerolog.Logger, version string, given systemd.Given, before *handover.Predecessor) (*Server, error) {
	if before == nil {
		return newServer(c, log, version, given, nil)
	}
	s, err := newServer(c, log, version, before.Given(), before)
	if err != nil {
		before.Refuse(err)
	}
	return s, err
}

func newServer(c *config.Config, log zerolog.Logger, version string, given systemd.Given, before *handover.Predecessor) (*Server, error) {
	inheritance, err := listen.NewInheritance(given.Sockets)
	if err != nil {
		inheritance.Close()
		return nil, err
	}
	inheritance.Strict = before == nil
	allowed, err := raiseDescriptors(c, log)
	if err != nil {
		inheritance.Close()
		return nil, err
	}
	s := &Server{
		version: version, began: time.Now(), started: c, log: log,
		capacity: &listen.Capacity{Max: allowed.sessions},
		budget:   pipepool.NewBudget(allowed.pipeBytes),
		arrivals: drop.NewArrivals(log),
		disks: drop.Workers{
			Disk: flow.NewDisk(diskWorkers), Hashing: flow.NewDisk(runtime.NumCPU()), Bundles: flow.NewDisk(bundleWorkers),
			BundleOpen: allowed.bundleOpen,
		},
		notifier: given.Notifier, inheritance: inheritance, stored: map[string]bool{},

		succession: newSuccession(before),
	}
	s.parts.Store(&parts{config: c})
	found := probe.Run()
	found.Log(log)
	probe.This(found).Examine(Needs(c)).Log(log)
	if err := s.build(c); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *Server) build(c *config.Config) error {
	loops := c.Engine.Loops
	if loops == 0 {
		loops = runtime.NumCPU()
	}
	// A loop that returns from epoll_wait needs a free processor of the scheduler's at
	// once; with none to spare it would queue behind the goroutines of the control
	// plane, and each wake would cost two thread switches.
	runtime.GOMAXPROCS(max(runtime.NumCPU(), loops+2))
	for range loops {
		w, err := newWorker(c, s.budget, s.disks, s.arrivals, s.log)
		if err != nil {
			return err
		}
		s.workers = append(s.workers, w)
	}
	for _, w := range s.workers {
		w.peers = s.workers
	}
	s.pruneInheritance(c)
	next, err := s.prepare(c)
	if err != nil {
		return err
	}
	next.attach(s.workers)
	next.startDrops(s.log)
	s.parts.Store(next)
	if s.before != nil {
		s.keepStored(next) // the sockets are the old process's still
		return nil
	}
	s.own(next)
	return nil
}

// Run serves until ctx ends, then drains: nothing new is accepted and what runs may
// finish for drain_timeout, or until kill is closed. What is left then is reset.
func (s *Server) Run(ctx context.Context, kill <-chan struct{}) error {
	s.ending = ctx
	if err := s.start(); err != nil {
		s.stop()
		return err
	}
	s.state.Store(serving)
	if a := s.parts.Load().admin; a != nil {
		a.Serve()
	}
	s.log.Info().Int("loops", len(s.workers)).Msg("ready")
	endAttending := s.attend()
	select {
	case <-ctx.Done():
	case <-s.gone:
	case err := <-s.failed:
		endAttending()
		s.stop()
		return err
	}
	if !s.endsByDraining() {
		endAttending()
		s.depart(kill)
		s.stop()
		s.log.Info().Int("pid", s.after.PID()).Msg("gone: the process that took over serves")
		return nil
	}
	s.drain(kill)
	endAttending()
	s.stop()
	s.log.Info().Msg("stopped")
	return nil
}

// start runs the loops, each on a goroutine of its own, and then the acceptors.
func (s *Server) start() error {
	s.failed = make(chan error, len(s.workers))
	for _, w := range s.workers {
		s.running.Go(func() {
			if err := w.loop.Run(); err != nil {
				s.failed <- err
			}
		})
	}
	if s.before != nil {
		return s.takeOver()
	}
	p := s.parts.Load()
	p.startUpstreams(nil)
	if err := s.accept(); err != nil {
		return err
	}
	p.startForwards()
	return nil
}

// accept sets the acceptors to work.
func (s *Server) accept() error {
	started := make(chan error, len(s.workers))
	p := s.parts.Load()
	for i, w := range s.workers {
		w.loop.Post(func() { started <- w.start(p, i) })
	}
	for range s.workers {
		if err := <-started; err != nil {
			return fmt.Errorf("start accepting: %w", err)
		}
	}
	return nil
}

// endsByDraining decides how the server ends, now that it does: by draining, unless
// another process has taken over. No reload and no upgrade begins after that.
func (s *Server) endsByDraining() bool {
	s.control.Lock() // one that was under way is over
	defer s.control.Unlock()
	return s.state.CompareAndSwap(serving, draining)
}

// drain waits for the sessions to finish and ends those that do not in time.
func (s *Server) drain(kill <-chan struct{}) {
	p := s.parts.Load()
	s.arriving.Lock() // beside a process before that may just have moved the last
	s.keepStored(p)
	s.arriving.Unlock()
	timeout := p.drainTimeout()
	s.said(s.notifier.Stopping(timeout + stopMargin))
	s.log.Info().Int64("sessions", s.capacity.Used()).Dur("timeout_ms", timeout).Msg("draining")
	s.said(s.notifier.Status(s.statusLine(measures{}, measures{loops: len(s.workers)})))
	s.each(func(i int, w *worker) { w.drain(p, i) })
	s.arriving.Lock()
	p.stopForwards() // what is on its way goes on after the next start
	s.arriving.Unlock()
	expired := time.NewTimer(timeout)
	defer expired.Stop()
	look := time.NewTicker(drainPoll)
	defer look.Stop()
	why := proxy.DrainTimeout
	for s.capacity.Used() > 0 {
		select {
		case <-look.C:
			continue
		case <-expired.C:
		case <-kill:
			why = proxy.Killed
		}
		s.log.Warn().Int64("sessions", s.capacity.Used()).Str("reason", string(why)).Msg("ending what still runs")
		break
	}
	s.stopFollowing()
	s.each(func(_ int, w *worker) { w.finish(why) })
}

// each runs f for every worker on its loop and waits for all.
func (s *Server) each(f func(i int, w *worker)) {
	var done sync.WaitGroup
	for i, w := range s.workers {
		done.Add(1)
		w.loop.Post(func() {
			defer done.Done()
			f(i, w)
		})
	}
	done.Wait()
}

// stop ends the loops and waits for them, then closes what is shared.
func (s *Server) stop() {
	s.stopFollowing()
	s.parts.Load().stopUpstreams(nil)
	s.parts.Load().stopForwards()
	for _, w := range s.workers {
		w.loop.Post(w.pool.Close)
		w.loop.Stop()
	}
	s.running.Wait()
	s.close()
}

func (s *Server) close() {
	s.arrivals.Close()
	s.disks.Close() // a worker may still be looking beneath a drop's directory
	s.keepStored(s.parts.Load())
	s.parts.Load().close()
	s.inheritance.Close()
}

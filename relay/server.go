package relay

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
	"relay/pipepool"
	"relay/relay/drop"
	"relay/relay/flow"
	"relay/relay/listen"
	"relay/relay/probe"
	"relay/relay/proxy"
	"relay/relay/upstream"
)

const (
	// drainPoll is how often a draining server looks whether the last session is gone.
	drainPoll = 10 * time.Millisecond
	// diskWorkers is how many disk jobs run at once. They wait rather than compute.
	diskWorkers = 16
)

// Server runs one configuration.
type Server struct {
	config   *config.Config
	log      zerolog.Logger
	capacity *listen.Capacity
	budget   *pipepool.Budget
	disk     *flow.Disk
	services []*listen.Service
	pools    []*upstream.Upstream
	drops    []*drop.Drop
	workers  []*worker
	running  sync.WaitGroup
	failed   chan error // a loop that could not go on
}

// New builds a server: everything is opened, nothing runs. On an error nothing stays
// open.
func New(c *config.Config, log zerolog.Logger) (*Server, error) {
	sessions, pipeBytes, err := raiseDescriptors(c, log)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: c, log: log,
		capacity: &listen.Capacity{Max: sessions},
		budget:   pipepool.NewBudget(pipeBytes),
		disk:     flow.NewDisk(diskWorkers),
	}
	found := probe.Run()
	found.Log(log)
	probe.This(found).Examine(Needs(c)).Log(log)
	if err := s.build(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *Server) build() error {
	loops := s.config.Engine.Loops
	if loops == 0 {
		loops = runtime.NumCPU()
	}
	// A loop that returns from epoll_wait needs a free processor of the scheduler's at
	// once; with none to spare it would queue behind the goroutines of the control
	// plane, and each wake would cost two thread switches.
	runtime.GOMAXPROCS(max(runtime.NumCPU(), loops+2))
	for range loops {
		w, err := newWorker(s.config, s.budget, s.disk, s.log)
		if err != nil {
			return err
		}
		s.workers = append(s.workers, w)
	}
	for _, w := range s.workers {
		w.peers = s.workers
	}
	targets, err := s.targets()
	if err != nil {
		return err
	}
	for i := range s.config.Listeners {
		if err := s.listener(&s.config.Listeners[i], targets); err != nil {
			return err
		}
	}
	for i := range s.config.Drops {
		if err := s.drop(&s.config.Drops[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) targets() (map[string]*proxy.Target, error) {
	all := make(map[string]*proxy.Target)
	for _, c := range s.config.Upstreams {
		u, err := upstream.New(c, s.log)
		if err != nil {
			return nil, err
		}
		u.OnDown = s.resetOn
		s.pools = append(s.pools, u)
		t, err := proxy.NewTarget(u)
		if err != nil {
			return nil, err
		}
		all[c.Name] = t
	}
	return all, nil
}

// resetOn has every loop end its sessions on a backend that is down.
func (s *Server) resetOn(b *upstream.Backend) {
	for _, w := range s.workers {
		w.loop.Post(func() { w.sessions.ResetOn(b) })
	}
}

func (s *Server) listener(c *config.Listener, targets map[string]*proxy.Target) error {
	service, err := listen.Open("listener", c.Service, s.capacity, s.log)
	if err != nil {
		return err
	}
	s.services = append(s.services, service)
	l := proxy.NewListener(service, c, targets, s.config.Engine.SpliceChunk)
	s.attach(service, func(w *worker) listen.Taker { return w.sessions.Taker(l) })
	return nil
}

func (s *Server) drop(c *config.Drop) error {
	service, err := listen.Open("drop", c.Service, s.capacity, s.log)
	if err != nil {
		return err
	}
	s.services = append(s.services, service)
	d, err := drop.NewDrop(service, c, s.config.Engine.SpliceChunk)
	if err != nil {
		return fmt.Errorf("drop %q: %w", c.Name, err)
	}
	s.drops = append(s.drops, d)
	s.attach(service, func(w *worker) listen.Taker { return w.conns.Taker(d) })
	return nil
}

// attach gives a service an acceptor on every loop.
func (s *Server) attach(service *listen.Service, taker func(*worker) listen.Taker) {
	places := make([]listen.Place, len(s.workers))
	for i, w := range s.workers {
		places[i] = listen.Place{Loop: w.loop, Taker: taker(w)}
	}
	for i, a := range listen.Attach(service, places) {
		s.workers[i].acceptors = append(s.workers[i].acceptors, a)
	}
}

// Run serves until ctx ends, then drains: nothing new is accepted and what runs may
// finish for drain_timeout, or until kill is closed. What is left then is reset.
func (s *Server) Run(ctx context.Context, kill <-chan struct{}) error {
	if err := s.start(); err != nil {
		s.stop()
		return err
	}
	s.log.Info().Int("loops", len(s.workers)).Msg("ready")
	select {
	case <-ctx.Done():
	case err := <-s.failed:
		s.stop()
		return err
	}
	s.drain(kill)
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
	var pools sync.WaitGroup
	for _, u := range s.pools {
		pools.Go(u.Start)
	}
	pools.Wait()
	started := make(chan error, len(s.workers))
	for _, w := range s.workers {
		w.loop.Post(func() { started <- w.start() })
	}
	for range s.workers {
		if err := <-started; err != nil {
			return fmt.Errorf("start accepting: %w", err)
		}
	}
	return nil
}

// drain waits for the sessions to finish and ends those that do not in time.
func (s *Server) drain(kill <-chan struct{}) {
	s.log.Info().Int64("sessions", s.capacity.Used()).Dur("timeout_ms", s.config.Engine.DrainTimeout).Msg("draining")
	s.each((*worker).drain)
	expired := time.NewTimer(s.config.Engine.DrainTimeout)
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
	s.each(func(w *worker) { w.finish(why) })
}

// each runs f for every worker on its loop and waits for all.
func (s *Server) each(f func(*worker)) {
	var done sync.WaitGroup
	for _, w := range s.workers {
		done.Add(1)
		w.loop.Post(func() {
			defer done.Done()
			f(w)
		})
	}
	done.Wait()
}

// stop ends the loops and waits for them, then closes what is shared.
func (s *Server) stop() {
	for _, u := range s.pools {
		u.Stop()
	}
	for _, w := range s.workers {
		w.loop.Post(w.pool.Close)
		w.loop.Stop()
	}
	s.running.Wait()
	s.close()
}

func (s *Server) close() {
	for _, service := range s.services {
		service.Close()
	}
	for _, d := range s.drops {
		d.Close()
	}
	s.disk.Close()
}

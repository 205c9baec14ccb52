package relay

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/admin"
	"relay/relay/drop"
	"relay/relay/handover"
	"relay/relay/proxy"
)

// succession is what a server has to do with the process before it and the one after.
type succession struct {
	program   handover.Program
	before    *handover.Predecessor // nil = none, or it is gone
	adminFD   int                   // the socket of its admin interface, until it is taken; -1 = none
	owned     chan struct{}         // closed once the listening sockets are our own
	following sync.WaitGroup        // what comes from it
	arriving  sync.Mutex            // held while something of it arrives, and while the parts change

	ending    context.Context // done when the server is told to end
	upgrading atomic.Bool
	after     *handover.Successor // once it has taken over
	gone      chan struct{}       // closed then
	told      handover.Counts     // what it knows of our counters
}

// What keeps an upgrade from beginning.
var (
	errUpgrading  = errors.New("an upgrade is under way already")
	errNotReady   = errors.New("relay is starting or ending; nothing is upgraded")
	errFirst      = errors.New("relay is process 1 here, and with it everything would end; start it below an init (docker run --init) to upgrade it live, or replace the container")
	errToldToStop = errors.New("relay was told to end")
)

// Upgrade starts the program that is on disk now and hands listeners and sessions over to
// it. If that process does not come up, nothing has changed. If it does, Run returns once
// what could not be moved has ended.
func (s *Server) Upgrade() admin.Upgrade {
	u := admin.Upgrade{At: time.Now()}
	err := s.upgrade(&u)
	u.Took = time.Since(u.At).Seconds()
	if err != nil {
		u.Error = err.Error()
		line := s.log.Error().Str("error", u.Error)
		if u.Moved > 0 {
			line.Int("sessions_lost", u.Moved) // they were the new process's already, and ended with it
		}
		line.Msg("upgrade failed; this process goes on")
		return u
	}
	u.OK = true
	s.log.Info().Int("pid", u.PID).Str("version", u.Version).Int("moved", u.Moved).Int64("left", u.Left).
		Float64("pause_ms", 1e3*u.Pause).Float64("took_ms", 1e3*u.Took).Msg("upgraded: a new process serves")
	close(s.gone) // the last: this process may end at once
	return u
}

func (s *Server) upgrade(u *admin.Upgrade) error {
	if os.Getpid() == 1 {
		return errFirst
	}
	if !s.upgrading.CompareAndSwap(false, true) {
		return errUpgrading
	}
	defer s.upgrading.Store(false)
	if err := s.awaitOwnership(); err != nil {
		return err
	}
	s.control.Lock() // no reload meanwhile
	defer s.control.Unlock()
	if s.state.Load() != serving {
		return errNotReady
	}
	next, err := s.raise()
	if err != nil {
		return err
	}
	u.PID, u.Version = next.PID(), next.Ready.Program
	return s.handOver(next, u)
}

// awaitOwnership waits until what the process before had to move has arrived: that is
// going on when this one has been serving for a moment.
func (s *Server) awaitOwnership() error {
	late := time.NewTimer(handover.AnswerMost)
	defer late.Stop()
	select {
	case <-s.owned:
		return nil
	case <-late.C:
		return errUpgrading
	}
}

// raise starts the new process.
func (s *Server) raise() (*handover.Successor, error) {
	ctx, cancel := context.WithCancelCause(s.ending)
	defer cancel(nil)
	defer context.AfterFunc(s.ending, func() { cancel(errToldToStop) })()
	p := s.parts.Load()
	sockets, fds, err := p.hand(s.inheritance.Borrowed())
	if err != nil {
		return nil, err
	}
	if last := len(fds) - 1; p.handsAdmin() {
		defer unix.Close(fds[last]) // a duplicate
	}
	h := handover.Hello{
		PID: os.Getpid(), Program: s.version, Descriptors: openDescriptors(), Upstreams: p.memories(),
		Notifier: s.notifier, Left: slices.Collect(maps.Keys(s.stored)),
	}
	s.log.Info().Str("program", s.program.Path).Msg("upgrade: starting the program on disk")
	return handover.Start(ctx, s.program, h, sockets, fds)
}

// openDescriptors is how many this process has open.
func openDescriptors() int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(all)
}

// handOver moves everything to a process that is ready. Until the last batch is moved
// this one can go on, if the new one fails.
func (s *Server) handOver(next *handover.Successor, u *admin.Upgrade) error {
	p := s.parts.Load()
	s.state.Store(leaving)
	s.suspend(p, &next.Ready)
	s.told = s.counts()
	err := next.Take(handover.State{Counts: s.told, Upstreams: p.memories(), LogLevel: p.orderedLevel()})
	if err == nil {
		err = s.moveAll(next, u)
	}
	if err != nil {
		next.Kill()
		s.takeUpAgain(p)
		return err
	}
	// The service manager would take the end of its main process for the end of all, so it
	// is told now that this one is not needed any more. The new one speaks to it once it
	// hears from us again.
	s.said(s.notifier.Main(next.PID()))
	u.Left = s.capacity.Used()
	s.after = next
	return nil
}

// orderedLevel is the log level that was set by order, or nothing.
func (p *parts) orderedLevel() string {
	if l := logLevel(); l != p.config.Log.Level {
		return l
	}
	return ""
}

// suspend leaves accepting to the new process. Connections on their way between two
// loops have arrived when it returns.
func (s *Server) suspend(p *parts, next *handover.Ready) {
	for _, u := range p.upstreams {
		u.HoldQueue(true)
	}
	for _, service := range p.services {
		service.Keep(func(key string) bool { return slices.Contains(next.Keys, key) })
	}
	if p.admin != nil {
		p.admin.Share(next.Admin)
	}
	s.each(func(i int, w *worker) {
		w.draining = true
		w.pool.Empty()
		for _, service := range p.services {
			service.acceptors[i].Suspend()
		}
	})
	s.each(func(int, *worker) {})
}

// takeUpAgain undoes suspend.
func (s *Server) takeUpAgain(p *parts) {
	s.each(func(i int, w *worker) {
		w.draining = false
		for _, service := range p.services {
			service.acceptors[i].Begin()
		}
	})
	for _, service := range p.services {
		service.Keep(func(string) bool { return false })
	}
	if p.admin != nil {
		p.admin.Share(false)
	}
	for _, u := range p.upstreams {
		u.HoldQueue(false)
	}
	s.state.Store(serving)
}

// moveAll moves every session that can be moved, loop by loop and batch by batch.
func (s *Server) moveAll(next *handover.Successor, u *admin.Upgrade) error {
	for moved := 1; moved > 0; {
		moved = 0
		for _, w := range s.workers {
			began := time.Now()
			n, err := s.moveSome(next, w)
			if err != nil {
				return err
			}
			if n > 0 {
				u.Pause = max(u.Pause, time.Since(began).Seconds())
			}
			moved += n
			u.Moved += n
		}
	}
	return nil
}

// moveSome moves a batch from one loop. On an error it is back there.
func (s *Server) moveSome(next *handover.Successor, w *worker) (int, error) {
	b := w.gather(&next.Ready)
	if len(b.sessions)+len(b.conns) == 0 {
		return 0, nil
	}
	if err := next.Give(b.sessions, b.conns); err != nil {
		w.take(b)
		return 0, err
	}
	for i := range b.sessions {
		b.sessions[i].Depart()
	}
	for i := range b.conns {
		b.conns[i].Depart()
	}
	return len(b.sessions) + len(b.conns), nil
}

// load is sessions that are out of their loops.
type load struct {
	sessions []proxy.Moved
	conns    []drop.Moved
}

// gather takes sessions out of the loop, as many as a message can carry.
func (w *worker) gather(ready *handover.Ready) load {
	done := make(chan load, 1)
	w.loop.Post(func() {
		room := handover.DescriptorsMost
		b := load{sessions: w.sessions.Gather(room, ready.Knows)}
		for i := range b.sessions {
			room -= b.sessions[i].Descriptors()
		}
		b.conns = w.conns.Gather(room, ready.KnowsDrop)
		done <- b
	})
	return <-done
}

// take goes on with sessions on this loop.
func (w *worker) take(b load) {
	w.loop.Load.Add(int64(len(b.sessions) + len(b.conns)))
	w.loop.Post(func() {
		for i := range b.sessions {
			w.sessions.Adopt(b.sessions[i])
		}
		for i := range b.conns {
			w.conns.Adopt(b.conns[i])
		}
	})
}

package relay

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"relay/relay/admin"
)

const (
	// statusEvery is how often the service manager is told what goes on.
	statusEvery = 5 * time.Second
	// stopMargin is what ending takes beyond the drain.
	stopMargin = 10 * time.Second
)

// said notes that the service manager could not be told something. Nothing depends on
// that here.
func (s *Server) said(err error) {
	if err != nil {
		s.log.Warn().Err(err).Msg("systemd")
	}
}

// attend keeps the service manager informed until it is ended. It listens to nobody but
// the service's main process, so one that takes over waits until it is that.
func (s *Server) attend() (end func()) {
	over := make(chan struct{})
	var running sync.WaitGroup
	if s.notifier.On() {
		running.Go(func() {
			select {
			case <-s.owned:
			case <-over:
				return
			}
			s.said(s.notifier.Ready())
			if beats := s.notifier.Beats(); beats > 0 {
				running.Go(func() { s.feedWatchdog(beats, over) })
			}
			s.tellStatus(over)
		})
	}
	return func() {
		close(over)
		running.Wait()
	}
}

// feedWatchdog gives a sign of life as long as every loop does: at each beat all are
// asked, and while one owes its answer there is none.
func (s *Server) feedWatchdog(beats time.Duration, over <-chan struct{}) {
	tick := time.NewTicker(beats)
	defer tick.Stop()
	var owed atomic.Int64
	for {
		if owed.Load() == 0 {
			s.said(s.notifier.Alive())
			owed.Store(int64(len(s.workers)))
			for _, w := range s.workers {
				w.loop.Post(func() { owed.Add(-1) })
			}
		}
		select {
		case <-tick.C:
		case <-over:
			return
		}
	}
}

// tellStatus says now and then, in a line, what goes on.
func (s *Server) tellStatus(over <-chan struct{}) {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	before, last := measures{}, ""
	for {
		now := s.measure()
		if text := s.statusLine(before, now); text != last {
			s.said(s.notifier.Status(text))
			last = text
		}
		before = now
		select {
		case <-tick.C:
		case <-over:
			return
		}
	}
}

// measures are the few counters that a line of status needs.
type measures struct {
	at       time.Time
	loops    int // that answered
	accepted uint64
	spliced  uint64
	copied   uint64
}

// measure asks every loop, which answers without allocating.
func (s *Server) measure() measures {
	m := measures{at: time.Now()}
	for _, v := range gather(s, (*worker).measures) {
		m.loops += v.loops
		m.accepted += v.accepted
		m.spliced += v.spliced
		m.copied += v.copied
	}
	return m
}

func (w *worker) measures() measures {
	return measures{loops: 1, accepted: w.sessions.Accepted() + w.conns.Accepted(), spliced: w.mover.Spliced, copied: w.mover.Copied}
}

func (s *Server) statusLine(before, now measures) string {
	var b strings.Builder
	if state := s.state.Load(); state != serving {
		fmt.Fprintf(&b, "%s: ", stateNames[state])
	}
	fmt.Fprintf(&b, "%d sessions", s.capacity.Used())
	all := len(s.workers)
	if now.loops < all {
		fmt.Fprintf(&b, ", %d of %d loops standing still", all-now.loops, all)
		return b.String()
	}
	if t := now.at.Sub(before.at).Seconds(); t > 0 && before.loops == all {
		moved := float64(now.spliced-before.spliced) + float64(now.copied-before.copied)
		fmt.Fprintf(&b, ", %.1f new/s, %s/s", float64(now.accepted-before.accepted)/t, admin.Size(moved/t))
	}
	if now.spliced+now.copied > 0 {
		fmt.Fprintf(&b, ", %.0f %% of all bytes spliced", 100*float64(now.spliced)/float64(now.spliced+now.copied))
	}
	s.reloads.mu.Lock()
	defer s.reloads.mu.Unlock()
	if r := s.reloads.last; r != nil && !r.OK {
		b.WriteString("; the last reload was refused, the configuration before it is in force")
	}
	return b.String()
}

package relay

import (
	"os"
	"time"

	"relay/relay/admin"
	"relay/relay/drop"
	"relay/relay/loop"
	"relay/relay/proxy"
)

// Observing: what the admin interface shows is gathered by a function posted to each
// loop, which copies that loop's counters.

// view is one loop's counters, copied.
type view struct {
	sessions map[string]proxy.Tally
	requests map[string]drop.Tally
	stats    loop.Stats
	count    int
	lent     int
	idle     int
	spliced  uint64
	copied   uint64
}

// gatherFor is how long a loop may take to answer. One that does not is left out: its
// stall is what the reader of a status should see, not share.
const gatherFor = 2 * time.Second

// gather asks every loop at once.
func gather[T any](s *Server, ask func(*worker) T) []T {
	all := make([]T, len(s.workers))
	answers := make(chan struct {
		i int
		v T
	}, len(s.workers))
	for i, w := range s.workers {
		w.loop.Post(func() {
			answers <- struct {
				i int
				v T
			}{i, ask(w)}
		})
	}
	late := time.NewTimer(gatherFor)
	defer late.Stop()
	for range s.workers {
		select {
		case a := <-answers:
			all[a.i] = a.v
		case <-late.C:
			return all
		}
	}
	return all
}

func (w *worker) view() view {
	return view{
		sessions: w.sessions.Tallies(), requests: w.conns.Tallies(), stats: w.loop.Stats(),
		count: w.sessions.Count() + w.conns.Count(), lent: w.pool.Lent(), idle: w.pool.Idle(),
		spliced: w.mover.Spliced, copied: w.mover.Copied,
	}
}

// observe is the state of everything.
func (s *Server) observe() admin.State {
	views := gather(s, (*worker).view)
	p := s.parts.Load()
	state := admin.State{Status: s.status(views)}
	for _, service := range p.services {
		if service.drop != nil {
			state.Drops = append(state.Drops, observeDrop(service, p.config.Drop(service.Config.Name).Directory, views))
			continue
		}
		l := observeListener(service, views)
		state.Listeners = append(state.Listeners, l)
		state.Accepted += l.Accepted
		state.Bytes.Up += l.Bytes.Up
		state.Bytes.Down += l.Bytes.Down
	}
	for _, c := range p.config.Upstreams {
		state.Upstreams = append(state.Upstreams, observeUpstream(p.upstreams[c.Name]))
	}
	return state
}

var stateNames = [...]string{starting: "starting", serving: "serving", draining: "draining", leaving: "leaving"}

func (s *Server) status(views []view) admin.Status {
	st := admin.Status{
		Version: s.version, PID: os.Getpid(), State: stateNames[s.state.Load()], Started: s.began,
		Config: s.started.File, LogLevel: logLevel(), LogLost: linesLost.Load(),
		Sessions: s.capacity.Used(), SessionsMax: s.capacity.Most(),
		Pipes: admin.Pipes{Bytes: s.budget.Used(), Budget: s.budget.Limit()},
	}
	s.reloads.mu.Lock()
	st.LastReload, st.Reloads, st.Refused = s.reloads.last, s.reloads.good, s.reloads.failed
	s.reloads.mu.Unlock()
	for i := range views {
		v := &views[i]
		st.Pipes.Lent += v.lent
		st.Pipes.Idle += v.idle
		st.Spliced += v.spliced
		st.Copied += v.copied
		st.Loops = append(st.Loops, admin.Loop{
			Sessions: v.count, Busy: v.stats.Busy.Seconds(), Events: v.stats.Events, Stalls: v.stats.Stalls, Rounds: v.stats.Rounds[:],
		})
	}
	return st
}

func observeListener(s *service, views []view) admin.Listener {
	l := admin.Listener{
		Name: s.Config.Name, Addresses: s.Addresses(), Upstream: s.listener.Target.Upstream.Name,
		Sessions: s.Sessions(), SessionsMax: s.Config.SessionsMax, Ended: map[string]uint64{},
	}
	for i := range views {
		t, ok := views[i].sessions[l.Name]
		if !ok {
			continue
		}
		l.Accepted += t.Accepted
		l.Retries += t.Retries
		l.Bytes.Up += t.Bytes[0]
		l.Bytes.Down += t.Bytes[1]
		l.SplicedUp += t.Spliced[0]
		l.SplicedDown += t.Spliced[1]
		l.Connect.Add(&t.Connect)
		l.Duration.Add(&t.Duration)
		for reason, n := range t.Ended {
			l.Ended[string(reason)] += n
		}
	}
	return l
}

func observeDrop(s *service, directory string, views []view) admin.Drop {
	d := admin.Drop{
		Name: s.Config.Name, Addresses: s.Addresses(), Directory: directory, Transfer: s.drop.Transfer(),
		Sessions: s.Sessions(), Ended: map[string]uint64{}, Status: map[int]uint64{}, Uploads: s.drop.Arriving(),
		Forwards: observeForwards(s),
	}
	for i := range views {
		t, ok := views[i].requests[d.Name]
		if !ok {
			continue
		}
		d.Bytes += t.Bytes
		d.Received += t.Received
		d.Arrived += t.Arrived
		d.Duration.Add(&t.Duration)
		for reason, n := range t.Ended {
			d.Ended[string(reason)] += n
		}
		for status, n := range t.Requests {
			d.Status[status] += n
			d.Requests += n
		}
	}
	return d
}

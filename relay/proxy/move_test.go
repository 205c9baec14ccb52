package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/flow"
)

// juggler moves the session of a rig with two loops from one to the other and back, in
// mid-stream.
type juggler struct {
	r      *rig
	moves  int
	held   int  // moves with bytes in a pipe or a buffer
	abroad bool // by way of a record, as to another process
}

// move hands the session over, from whichever loop has it. It runs on no loop.
func (j *juggler) move() {
	for i, w := range j.r.workers {
		to := j.r.workers[1-i]
		j.r.on(i, func() {
			w.sessions.Shed(1, func(m Moved) {
				j.moves++
				if m.Flows[client].Holds() || m.Flows[backend].Holds() {
					j.held++
				}
				if j.abroad {
					m = j.r.throughRecord(m)
				}
				to.loop.Load.Add(1)
				to.loop.Post(func() { to.sessions.Adopt(m) })
			})
		})
	}
}

// juggle moves every few milliseconds until stop is closed.
func (j *juggler) juggle(stop <-chan struct{}) {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			j.move()
		}
	}
}

// A session is moved between two loops in mid-stream, many times, with both directions at
// work and a slow reader, so that pipes hold bytes. Every byte arrives, in order.
func TestMovesInMidStream(t *testing.T) {
	for name, s := range map[string]shape{
		"auto":         {mode: flow.Auto},
		"always":       {mode: flow.Always},
		"never":        {mode: flow.Never},
		"without pipe": {mode: flow.Auto, pipeBudget: -1},
		"unix":         {mode: flow.Auto, unixClient: true, unixBackend: true},
	} {
		t.Run(name, func(t *testing.T) {
			s.loops, s.small = 2, true
			r, p := s.begin(t)
			j := &juggler{r: r}
			stop := make(chan struct{})
			var juggling sync.WaitGroup
			juggling.Go(func() { j.juggle(stop) })
			err := converse(p)
			close(stop)
			juggling.Wait()
			if err != nil {
				t.Error(err)
			}
			l := r.wantReason(1, Complete)
			if l.BytesUp != upBytes || l.BytesDown != downBytes {
				t.Errorf("the access log says %d and %d bytes, want %d and %d", l.BytesUp, l.BytesDown, upBytes, downBytes)
			}
			if j.moves < 20 || j.held < 5 {
				t.Errorf("moved %d times, %d times with bytes held", j.moves, j.held)
			}
		})
	}
}

// throughRecord sends a session through what another process would get of it: text, and
// duplicates of its descriptors.
func (r *rig) throughRecord(m Moved) Moved {
	var fds []int
	text, err := json.Marshal(m.Record(func(fd int) int {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			r.t.Error(err)
		}
		fds = append(fds, dup)
		return len(fds) - 1
	}))
	if err != nil {
		r.t.Error(err)
	}
	if len(fds) != m.Descriptors() {
		r.t.Errorf("%d descriptors, and %d are announced", len(fds), m.Descriptors())
	}
	var record Record
	if err := json.Unmarshal(text, &record); err != nil {
		r.t.Error(err)
	}
	m.Depart()
	return record.Arrive(r.listener, r.listener.Target, func(n int) int { return fds[n] })
}

// The same by way of another process.
func TestMovesBetweenProcesses(t *testing.T) {
	for name, s := range map[string]shape{
		"auto":         {mode: flow.Auto},
		"without pipe": {mode: flow.Auto, pipeBudget: -1},
		"unix":         {mode: flow.Auto, unixClient: true, unixBackend: true},
		"with a rate": {mode: flow.Auto, edit: func(c *config.Listener, _ *config.Upstream) {
			c.Rates = config.Rates{SessionUp: 20 << 20, Down: 20 << 20}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s.loops, s.small = 2, true
			r, p := s.begin(t)
			j := &juggler{r: r, abroad: true}
			stop := make(chan struct{})
			var juggling sync.WaitGroup
			juggling.Go(func() { j.juggle(stop) })
			err := converse(p)
			close(stop)
			juggling.Wait()
			if err != nil {
				t.Error(err)
			}
			l := r.wantReason(1, Complete)
			if l.BytesUp != upBytes || l.BytesDown != downBytes {
				t.Errorf("the access log says %d and %d bytes, want %d and %d", l.BytesUp, l.BytesDown, upBytes, downBytes)
			}
			if j.moves < 20 || j.held < 5 && s.edit == nil { // what has a rate is not blocked
				t.Errorf("moved %d times, %d times with bytes held", j.moves, j.held)
			}
		})
	}
}

const upBytes, downBytes = 6 << 20, 5 << 20

// converse sends both streams at once; the backend reads slowly.
func converse(p pair) error {
	const rest = time.Millisecond
	errs := make(chan error, 4)
	go func() { errs <- speak(p.client, client, upBytes, rand.New(rand.NewPCG(1, 1))) }()
	go func() { errs <- speak(p.backend, backend, downBytes, rand.New(rand.NewPCG(2, 2))) }()
	go func() { errs <- hear(p.backend, client, upBytes, rest) }()
	go func() { errs <- hear(p.client, backend, downBytes, 0) }()
	var all error
	for range cap(errs) {
		all = errors.Join(all, <-errs)
	}
	return all
}

// Many sessions at once, shed by the dozen.
func TestShed(t *testing.T) {
	const sessions, shed = 10, 4
	s := shape{loops: 2}
	r := s.start(t)
	var pairs []pair
	for range sessions {
		pairs = append(pairs, r.session(s))
	}
	for _, p := range pairs {
		p.ping(t)
	}
	r.gather(0)
	to := r.workers[1]
	r.on(0, func() {
		newest := r.workers[0].sessions.newest
		r.workers[0].sessions.Shed(shed, func(m Moved) {
			if m.Client != newest.client && len(r.journal.of("session")) > 0 {
				t.Error("a session ended by being moved")
			}
			to.loop.Load.Add(1)
			to.loop.Post(func() { to.sessions.Adopt(m) })
		})
	})
	for i, want := range []int{sessions - shed, shed} {
		r.on(i, func() {
			w := r.workers[i]
			if got, load := w.sessions.Count(), w.loop.Load.Load(); got != want || load != int64(want) {
				t.Errorf("loop %d has %d sessions and load %d, want %d", i, got, load, want)
			}
		})
	}
	for _, p := range pairs {
		p.ping(t)
	}
}

// gather brings all sessions to one loop.
func (r *rig) gather(i int) {
	to := r.workers[i]
	r.on(1-i, func() {
		r.workers[1-i].sessions.Shed(1<<30, func(m Moved) {
			to.loop.Load.Add(1)
			to.loop.Post(func() { to.sessions.Adopt(m) })
		})
	})
	r.on(i, func() {})
}

// What a session is goes with it: whatever happens after a move happens as before.
func TestAfterAMove(t *testing.T) {
	for name, then := range map[string]func(t *testing.T, r *rig, p pair){
		"talk": func(t *testing.T, r *rig, p pair) {
			p.ping(t)
			r.finish(p)
		},
		"half-close by the client": func(t *testing.T, r *rig, p pair) {
			closeWrite(t, p.client)
			wantEnd(t, p.backend, nil)
			write(t, p.backend, []byte("answer"))
			closeWrite(t, p.backend)
			wantEnd(t, p.client, []byte("answer"))
			r.wantReason(1, Complete)
		},
		"half-close by the backend": func(t *testing.T, r *rig, p pair) {
			closeWrite(t, p.backend)
			wantEnd(t, p.client, nil)
			closeWrite(t, p.client)
			wantEnd(t, p.backend, nil)
			r.wantReason(1, Complete)
		},
		"reset by the client": func(t *testing.T, r *rig, p pair) {
			reset(p.client)
			wantReset(t, p.backend, nil)
			r.wantReason(1, ClientReset)
		},
		"reset by the backend": func(t *testing.T, r *rig, p pair) {
			reset(p.backend)
			wantReset(t, p.client, nil)
			r.wantReason(1, BackendReset)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, p := shape{loops: 2}.begin(t)
			p.ping(t)
			(&juggler{r: r}).move()
			then(t, r, p)
		})
	}
}

func (r *rig) finish(p pair) {
	closeWrite(r.t, p.client)
	closeWrite(r.t, p.backend)
	r.wantReason(1, Complete)
}

// A session that is half-closed when it moves still is, afterwards.
func TestMoveOfAHalfClosedSession(t *testing.T) {
	for _, first := range []int{client, backend} {
		t.Run(fmt.Sprint("flow ", first), func(t *testing.T) {
			r, p := shape{loops: 2}.begin(t)
			one, other := p.client, p.backend
			if first == backend {
				one, other = other, one
			}
			closeWrite(t, one)
			wantEnd(t, other, nil)
			(&juggler{r: r}).move()
			write(t, other, []byte("answer"))
			closeWrite(t, other)
			wantEnd(t, one, []byte("answer"))
			r.wantReason(1, Complete)
		})
	}
}

// A reader that is blocked when the session moves gets everything, and the end as it was:
// a FIN, or the reset that had been recorded before the move.
func TestMoveOfABlockedSession(t *testing.T) {
	for name, cutOff := range map[string]bool{"then the end": false, "after a reset": true} {
		t.Run(name, func(t *testing.T) {
			r, p := shape{loops: 2, small: true}.begin(t)
			sent := r.block(p.backend, backend)
			if cutOff {
				reset(p.backend)
				r.passed()
			} else {
				closeWrite(t, p.backend)
				r.delivered(p.backend)
			}
			(&juggler{r: r}).move()
			if cutOff {
				wantReset(t, p.client, sent)
				r.wantReason(1, BackendReset)
				return
			}
			wantEnd(t, p.client, sent)
			closeWrite(t, p.client)
			r.wantReason(1, Complete)
		})
	}
}

// Deadlines are points in time and mean the same on the other loop.
func TestTimeoutsAfterAMove(t *testing.T) {
	const idle = 300 * time.Millisecond
	s := shape{loops: 2, edit: func(l *config.Listener, _ *config.Upstream) { l.IdleTimeout = idle }}
	r, p := s.begin(t)
	p.ping(t)
	silent := time.Now()
	j := &juggler{r: r}
	for time.Since(silent) < idle/2 {
		j.move() // to the other loop and back
		r.only(func(s *Session) {
			if due := s.active + int64(idle); s.timer.Due() != due {
				t.Errorf("moving has put the timeout off by %v", time.Duration(s.timer.Due()-due))
			}
		})
		time.Sleep(idle / 20) // moves are spread over the silence
	}
	r.wantReason(1, IdleTimeout)
	if took := time.Since(silent); took < idle*9/10 {
		t.Errorf("ended after %v of silence, want %v", took, idle)
	}
}

// What is quiesced is registered nowhere, and its values are all there.
func TestQuiesced(t *testing.T) {
	r, p := shape{}.begin(t)
	p.ping(t)
	w := r.workers[0]
	r.only(func(s *Session) {
		before := *s
		m, ok := w.sessions.Quiesce(s)
		if !ok {
			t.Error("a relaying session was not quiesced")
			return
		}
		if w.sessions.Count() != 0 || w.loop.Load.Load() != 0 {
			t.Errorf("%d sessions and load %d are left", w.sessions.Count(), w.loop.Load.Load())
		}
		if m.Client != before.client || m.Accepted != before.accepted || m.Connected != before.connected ||
			m.Active != before.active || m.Backend != before.backend || m.Flows[client].Moved != 4 || m.Flows[backend].Moved != 4 ||
			m.Ends[client].FD != before.ends[client].FD || m.Ends[backend].FD != before.ends[backend].FD {
			t.Errorf("%+v became %+v", before, m)
		}
		w.loop.Load.Add(1)
		w.sessions.Adopt(m)
	})
	p.ping(t)
}

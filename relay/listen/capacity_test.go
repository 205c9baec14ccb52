package listen

import (
	"testing"
	"time"

	"relay/config"
)

// At the process's bound clients wait in the backlog, and are served when somebody
// leaves; nobody is turned away.
func TestCapacityPausesAndResumes(t *testing.T) {
	r := newRig(t, 1, config.Service{}, &Capacity{Max: 2})
	r.start(0)
	r.dial(4)
	r.take(0)
	r.take(0)
	eventually(t, "accepting pauses", func() bool { return r.log.count("accepting paused") == 1 })
	for range 2 {
		if n := len(r.takers[0].taken); n != 0 {
			t.Fatalf("%d taken over the bound", n)
		}
		r.Leave()
		r.take(0)
	}
	if n := len(r.takers[0].refused); n != 0 {
		t.Errorf("%d clients were refused", n)
	}
}

// While it rests the loop is quiet: a waiting client is no reason to spin.
func TestPauseDoesNotSpin(t *testing.T) {
	r := newRig(t, 1, config.Service{}, &Capacity{Max: 1})
	r.start(0)
	r.dial(3)
	r.take(0)
	eventually(t, "accepting pauses", func() bool { return r.log.count("accepting paused") == 1 })
	const window = 200 * time.Millisecond
	before := r.loops[0].Turns()
	time.Sleep(window) // what is measured is a rate
	if turns := r.loops[0].Turns() - before; turns > 4*uint64(window/fullPause) {
		t.Errorf("%d rounds in %v while accepting rests", turns, window)
	}
}

// At the bound, with clients coming and going, the log is not written to for each.
func TestPausesAreNotLoggedForEachClient(t *testing.T) {
	const clients = 30
	r := newRig(t, 1, config.Service{}, &Capacity{Max: 1})
	r.start(0)
	r.dial(clients)
	for range clients {
		r.take(0)
		time.Sleep(fullPause / 2) // a session of some length: accepting comes to the bound meanwhile
		r.Leave()
	}
	if n := r.log.count("accepting"); n > clients/3 {
		t.Errorf("%d lines about accepting for %d clients", n, clients)
	}
}

// A service that rests leaves the others alone.
func TestPauseIsOfOneService(t *testing.T) {
	full := newRig(t, 1, config.Service{}, &Capacity{Max: 0})
	full.start(0)
	full.dial(1)
	eventually(t, "accepting pauses", func() bool { return full.log.count("accepting paused") == 1 })
	free := newRig(t, 1, config.Service{}, plenty())
	free.start(0)
	free.dial(1)
	free.take(0)
}

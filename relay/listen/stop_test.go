package listen

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"

	"relay/config"
)

// The last loop to stop takes what is pending: nobody who is connected is turned away.
func TestStopTakesWhatIsPending(t *testing.T) {
	const clients = 100 // more than one turn accepts
	r := newRig(t, 1, config.Service{}, plenty())
	r.dial(clients) // nobody accepts yet
	address := r.address().String()
	r.on(0, r.acceptors[0].Stop)
	for range clients {
		r.take(0)
	}
	if c, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after Stop: %v, want ECONNREFUSED", err)
		if err == nil {
			c.Close()
		}
	}
}

// A loop that stops before the others leaves the sockets to them.
func TestStopOfOneLoop(t *testing.T) {
	r := newRig(t, 2, config.Service{}, plenty())
	r.start(0, 1)
	r.on(0, r.acceptors[0].Stop)
	r.dial(1)
	r.take(1)
	r.on(1, r.acceptors[1].Stop)
	if !r.sockets[0].closed.Load() {
		t.Error("the sockets are still open after the last loop stopped")
	}
}

// Stopping ends a rest: its timer must not find closed sockets.
func TestStopWhileResting(t *testing.T) {
	r := newRig(t, 1, config.Service{}, &Capacity{Max: 1})
	r.start(0)
	r.dial(2)
	r.take(0)
	eventually(t, "accepting pauses", func() bool { return r.log.count("accepting paused") == 1 })
	r.on(0, r.acceptors[0].Stop)
	if due := r.acceptors[0].timer.Due(); due < 1<<62 {
		t.Errorf("the timer is still set, for %d", due)
	}
	r.take(0) // it was pending: better over the bound than turned away
}

func TestStopTwice(t *testing.T) {
	s, path := unixService(t)
	r := newRig(t, 1, s, plenty())
	r.start(0)
	r.on(0, r.acceptors[0].Stop)
	r.on(0, r.acceptors[0].Stop)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the unix socket is still there: %v", err)
	}
}

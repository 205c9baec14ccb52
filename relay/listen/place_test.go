package listen

import (
	"fmt"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/flow"
)

// A taken connection is complete: its kind, its client's address, its own descriptor,
// and it is counted.
func TestTaken(t *testing.T) {
	r := newRig(t, 1, config.Service{}, plenty())
	r.start(0)
	client := r.dial(1)[0]
	c := r.take(0)
	if c.Kind != flow.TCP || c.Client.String() != client.LocalAddr().String() {
		t.Errorf("taken %+v from %s", c, client.LocalAddr())
	}
	if r.Sessions() != 1 || r.capacity.Used() != 1 || r.loops[0].Load.Load() != 1 {
		t.Errorf("%d sessions, %d in the process, load %d", r.Sessions(), r.capacity.Used(), r.loops[0].Load.Load())
	}
	if _, err := unix.Write(c.FD, []byte("!")); err != nil {
		t.Error(err)
	}
}

func TestTakenFromAUnixSocket(t *testing.T) {
	s, path := unixService(t)
	r := newRig(t, 1, s, plenty())
	r.start(0)
	client, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if c := r.take(0); c.Kind != flow.Unix || c.Client.IsValid() {
		t.Errorf("taken %+v", c)
	}
}

// Every address of a service is accepted on.
func TestAllAddressesAreServed(t *testing.T) {
	c, path := unixService(t)
	c.Listen = append(c.Listen, config.Address{Unix: path + "2"}, config.Address{Unix: path + "3"})
	r := newRig(t, 1, c, plenty())
	r.start(0)
	for _, p := range []string{path, path + "2", path + "3"} {
		client, err := net.Dial("unix", p)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		r.take(0)
	}
}

// Every address of a long list is told from the others.
func TestManyAddresses(t *testing.T) {
	const addresses = 300
	var c config.Service
	for i := range addresses {
		c.Listen = append(c.Listen, config.Address{Unix: fmt.Sprintf("@relay-many-%d-%d", os.Getpid(), i)})
	}
	r := newRig(t, 1, c, plenty())
	r.start(0)
	client, err := net.Dial("unix", c.Listen[addresses-1].Unix)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r.take(0)
}

// Which loop epoll wakes depends on who waits; one that has clearly more sessions than
// another hands a fresh one over.
func TestPlace(t *testing.T) {
	for _, c := range []struct {
		name  string
		loads []int64 // loop 0 accepts
		want  int
	}{
		{"alone", []int64{5}, 0},
		{"both idle", []int64{0, 0}, 0},
		{"one more", []int64{1, 0}, 0},
		{"two more", []int64{2, 0}, 1},
		{"an eighth more", []int64{90, 80}, 0},
		{"over an eighth more", []int64{92, 80}, 1},
		{"fewer", []int64{3, 90}, 0},
		{"the fewest of several", []int64{50, 20, 10, 30}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, len(c.loads), config.Service{}, plenty())
			for i, n := range c.loads {
				r.loops[i].Load.Store(n)
			}
			r.start(0)
			r.dial(1)
			r.take(c.want)
			for i, l := range r.loops {
				want := c.loads[i]
				if i == c.want {
					want++
				}
				if got := l.Load.Load(); got != want {
					t.Errorf("loop %d has load %d, want %d", i, got, want)
				}
			}
		})
	}
}

// Over many connections both loops get their share, whoever accepts.
func TestPlaceSpreads(t *testing.T) {
	const clients = 60
	r := newRig(t, 2, config.Service{}, plenty())
	r.start(0, 1)
	r.dial(clients)
	eventually(t, "all are taken", func() bool { return len(r.takers[0].taken)+len(r.takers[1].taken) == clients })
	for i, k := range r.takers {
		n := len(k.taken)
		if n < clients/3 {
			t.Errorf("loop %d has %d of %d sessions", i, n, clients)
		}
		for range n {
			r.take(i)
		}
	}
}

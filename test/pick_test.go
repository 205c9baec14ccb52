package test

import (
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// least_connections follows the sessions that are there now.
func TestLeastConnections(t *testing.T) {
	t.Parallel()
	r := setup{backends: []string{"127.0.0.1:0", "127.0.0.1:0"}, edit: func(c *harness.Config) {
		c.Upstream()["balance"] = "least_connections"
	}}.start(t)
	first := r.dial(t)
	busy := r.accept(t, 0)
	r.dial(t)
	r.accept(t, 1)
	first.Close()
	busy.Close()
	r.wantReason(t, first, "complete")
	r.dial(t)
	r.accept(t, 0)
}

// With source_hash a client stays where it is, and two relays with the same backends, in
// another order, agree.
func TestSourceHash(t *testing.T) {
	t.Parallel()
	var addresses []string
	for range 5 {
		addresses = append(addresses, serve(t, "127.0.0.1:0", echo).Address)
	}
	relays := make([]*rig, 2)
	for i := range relays {
		relays[i] = setup{edit: func(c *harness.Config) {
			if i == 1 {
				addresses[0], addresses[3] = addresses[3], addresses[0]
			}
			c.SetBackends(addresses...)
			c.Upstream()["balance"] = "source_hash"
		}}.start(t)
	}
	seen := map[string]bool{}
	for _, source := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8"} {
		home := ""
		for n := range 4 {
			r := relays[n%2]
			c, err := peer.DialFrom(source+":0", r.Address(t, "web"))
			must(t, "dial", err)
			mark(t, c, 'x')
			marked(t, c)
			c.Close()
			at := r.Session(t, c.LocalAddr().String()).Backend
			if home != "" && at != home {
				t.Errorf("client %s went to %s and to %s", source, home, at)
			}
			home = at
		}
		seen[home] = true
	}
	if len(seen) < 3 {
		t.Errorf("8 clients are on %d of 5 backends", len(seen))
	}
}

// "first" fills one backend before it goes to the next.
func TestFirst(t *testing.T) {
	t.Parallel()
	r := setup{backends: []string{"127.0.0.1:0", "127.0.0.1:0"}, edit: func(c *harness.Config) {
		c.Upstream()["balance"] = "first"
		c.Backend(0)["sessions_max"] = 2
	}}.start(t)
	for _, want := range []int{0, 0, 1, 1} {
		r.dial(t)
		r.accept(t, want)
	}
}

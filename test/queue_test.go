package test

import (
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// crowded is a rig with one backend that takes one session, and room for some to wait.
func crowded(t *testing.T, queueMax int, queueTimeout string) *rig {
	t.Helper()
	return setup{edit: func(c *harness.Config) {
		c.Engine["loops"] = 1 // so that the order of connects is the order of arrival
		c.Backend(0)["sessions_max"] = 1
		c.Upstream()["queue_max"] = queueMax
		c.Upstream()["queue_timeout"] = queueTimeout
	}}.start(t)
}

// mark has a client say who it is; the backend reads it when the session is there.
func mark(t *testing.T, c *peer.Conn, who byte) {
	t.Helper()
	_, err := c.Write([]byte{who})
	must(t, "say who", err)
}

func marked(t *testing.T, c *peer.Conn) byte {
	t.Helper()
	b := make([]byte, 1)
	_, err := c.Read(b)
	must(t, "read who", err)
	return b[0]
}

// Who waits for a place is served in the order of arrival, whether it has ended its
// sending or not, and who resets meanwhile is not.
func TestQueueOrder(t *testing.T) {
	t.Parallel()
	r := crowded(t, 10, "1m")
	p := r.open(t)
	var waiting []*peer.Conn
	for i := range 5 {
		c := r.dial(t)
		mark(t, c, byte(i))
		if i == 3 {
			must(t, "half-close", c.CloseWrite())
		}
		waiting = append(waiting, c)
	}
	must(t, "reset", waiting[1].Reset())
	r.wantReason(t, waiting[1], "client_reset")
	p.client.Close()
	p.backend.Close()
	for _, want := range []byte{0, 2, 3, 4} {
		b := r.accept(t, 0)
		if got := marked(t, b); got != want {
			t.Fatalf("served %d, want %d", got, want)
		}
		if want == 3 {
			wantEnd(t, b)
		}
		b.Close()
		waiting[want].Close()
		r.wantReason(t, waiting[want], "complete")
	}
	if n := r.servers[0].Accepted(); n != 5 {
		t.Errorf("%d sessions came through, want 5", n)
	}
}

// wantEnd reads the FIN.
func wantEnd(t *testing.T, c *peer.Conn) {
	t.Helper()
	if got := <-reading(peer.NewFlow(0), c); got.end != peer.FIN {
		t.Errorf("%v, want a FIN", got)
	}
}

func TestQueueFull(t *testing.T) {
	t.Parallel()
	r := crowded(t, 1, "1m")
	p := r.open(t)
	c := r.dial(t)
	harness.Eventually(t, "the second waits", func() (bool, any) {
		client, end, err := peer.Doomed("", r.Address(t, "web"))
		if end != peer.Reset {
			return false, err
		}
		return r.Session(t, client).Reason == "queue_full", client
	})
	p.client.Close()
	p.backend.Close()
	b := r.accept(t, 0)
	pair{c, b}.ping(t)
}

func TestQueueTimeout(t *testing.T) {
	t.Parallel()
	r := crowded(t, 10, "200ms")
	p := r.open(t)
	c := r.dial(t)
	start := time.Now()
	wantCutOff(t, c)
	within(t, "waiting in the queue", start, 190*time.Millisecond, 200*time.Millisecond+late)
	r.wantReason(t, c, "queue_timeout")
	p.ping(t)
}

// Without queue_max nobody waits.
func TestNoQueue(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) { c.Backend(0)["sessions_max"] = 1 }}.start(t)
	r.open(t)
	r.wantRefused(t, "", r.Address(t, "web"), "backend_full")
}

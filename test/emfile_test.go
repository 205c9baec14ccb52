package test

import (
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// The limit of descriptors is lowered while the program runs, as if something else in
// it had used them up: at the limit it neither spins nor drops what it serves, it says
// so once, and when there is room again it goes on by itself.

// lines is how often the log says this so far.
func (r *rig) lines(message string) int {
	n := 0
	for _, l := range r.Journal.Lines() {
		if l.Message == message {
			n++
		}
	}
	return n
}

// crowd is more clients than can be served.
func crowd(t *testing.T, r *rig, n int) []*peer.Conn {
	t.Helper()
	clients := make([]*peer.Conn, n)
	for i := range clients {
		clients[i] = r.dial(t)
	}
	return clients
}

func TestDescriptorsRunOut(t *testing.T) {
	for _, splice := range spliceModes {
		t.Run(splice, func(t *testing.T) {
			r := setup{splice: splice}.start(t)
			running := r.openMany(t, 8)
			for _, p := range running {
				p.ping(t)
			}
			restore := r.LeaveDescriptors(t, 0)
			waiting := crowd(t, r, 40)
			r.Message(t, "accepting paused")
			r.Quiet(t)
			if n := r.lines("accepting paused"); n > 2 {
				t.Errorf("%d lines about one pause", n)
			}
			// Without a descriptor for a pipe, streams go on by copying.
			if err := running[0].carry(bulk(1, 4*mib), bulk(2, 4*mib)); err != nil {
				t.Errorf("a session in progress: %v", err)
			}
			for _, p := range running[1:] {
				p.ping(t)
			}
			restore()
			r.Message(t, "accepting resumed")
			wantAllServed(t, r, waiting)
		})
	}
}

// wantAllServed checks that whoever waited was served in the end.
func wantAllServed(t *testing.T, r *rig, waiting []*peer.Conn) {
	t.Helper()
	// Who is connected to whom is not known here, so each client sends one byte and
	// ends, and each backend answers by its own end.
	for _, c := range waiting {
		_, err := c.Write([]byte{1})
		must(t, "write", err)
		must(t, "half-close", c.CloseWrite())
	}
	for range waiting {
		backend := r.accept(t, 0)
		wantBytes(t, backend, 1)
		backend.Close()
	}
	for _, c := range waiting {
		wantWhole(t, c, 0, 0)
	}
}

// Room that comes from sessions that end is used as well as a raised limit.
func TestDescriptorsComeBack(t *testing.T) {
	r := setup{}.start(t)
	running := r.openMany(t, 30)
	r.LeaveDescriptors(t, 0)
	waiting := crowd(t, r, 10)
	r.Message(t, "accepting paused")
	for _, p := range running[:20] {
		p.client.Close()
		p.backend.Close()
	}
	r.Message(t, "accepting resumed")
	wantAllServed(t, r, waiting)
	for _, p := range running[20:] {
		p.ping(t)
	}
}

// One descriptor short of a session: the client is accepted and there is none left to
// connect with. It waits for one, as those in the backlog do, and is served.
func TestWaitsForDescriptorToConnect(t *testing.T) {
	r := setup{edit: func(c *harness.Config) { c.Engine["loops"] = 1 }}.start(t)
	running := r.openMany(t, 4)
	restore := r.LeaveDescriptors(t, 1)
	waiting := crowd(t, r, 3)
	r.Message(t, "accepting paused")
	r.Quiet(t)
	for _, p := range running {
		p.ping(t)
	}
	restore()
	wantAllServed(t, r, waiting)
}

// The wait ends with the connect timeout: the client hears of it, nothing is left over,
// and the log names the shortage.
func TestNoDescriptorToConnect(t *testing.T) {
	r := setup{edit: func(c *harness.Config) {
		c.Engine["loops"] = 1
		c.Upstream()["connect_timeout"] = "300ms"
	}}.start(t)
	running := r.openMany(t, 4)
	restore := r.LeaveDescriptors(t, 1)
	client, end, _ := peer.Doomed("", r.Address(t, "web"))
	if end != peer.Reset {
		t.Errorf("the client saw %v, want a reset", end)
	}
	got := r.wantReasonOf(t, client, "no_resources")
	if got.Error == "" {
		t.Error("logged no error in words")
	}
	for _, p := range running {
		p.ping(t)
	}
	restore()
	r.open(t).ping(t)
}

// Started with few descriptors the program knows how many sessions it can hold: the
// rest waits in the backlog and is served in turn.
func TestFewDescriptorsFromTheStart(t *testing.T) {
	r := setup{options: harness.Options{Descriptors: 128}}.start(t)
	if got := r.Message(t, "descriptors"); got.Field("descriptors") != 128.0 {
		t.Errorf("logged %s, want 128 descriptors", got.Raw)
	}
	waiting := crowd(t, r, 100)
	r.Quiet(t)
	wantAllServed(t, r, waiting)
	for _, s := range r.Sessions() {
		if s.Reason != "complete" {
			t.Errorf("a session ended for the reason %q", s.Reason)
		}
	}
}

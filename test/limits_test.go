package test

import (
	"net"
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// sessions_max of a listener and of a backend: one more is reset at once, those that
// run are unharmed, and a place that gets free is given away.
func TestSessionsMax(t *testing.T) {
	const most = 3
	for _, at := range []struct {
		name, reason string
		edit         func(*harness.Config)
	}{
		{"listener", "sessions_max", func(c *harness.Config) { c.Listener()["sessions_max"] = most }},
		{"backend", "backend_full", func(c *harness.Config) { c.Backend(0)["sessions_max"] = most }},
	} {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			r := setup{edit: at.edit}.start(t)
			running := r.openMany(t, most)
			for range 5 {
				r.wantRefused(t, "", r.Address(t, "web"), at.reason)
			}
			for _, p := range running {
				p.ping(t)
			}
			running[0].client.Close()
			running[0].backend.Close()
			r.wantReason(t, running[0].client, "complete")
			r.open(t).ping(t)
			r.wantRefused(t, "", r.Address(t, "web"), at.reason)
		})
	}
}

func (r *rig) openMany(t testing.TB, n int) []pair {
	t.Helper()
	all := make([]pair, n)
	for i := range all {
		all[i] = r.open(t)
	}
	return all
}

// sessions_max of the engine, the room the whole process has: whoever comes too many
// waits in the backlog and is served when a place gets free, and waiting costs nothing.
func TestSessionsMaxOfEngine(t *testing.T) {
	const most = 3
	r := setup{edit: func(c *harness.Config) {
		c.Engine["sessions_max"] = most
		c.Engine["loops"] = 1 // several may each take one more before they see the others'
	}}.start(t)
	running := r.openMany(t, most)
	waiting := []*peer.Conn{r.dial(t), r.dial(t)}
	r.Message(t, "accepting paused")
	r.Quiet(t)
	if n := r.servers[0].Accepted(); n != most {
		t.Fatalf("%d sessions, the engine's limit is %d", n, most)
	}
	for i, p := range running[:len(waiting)] {
		p.ping(t)
		p.client.Close()
		p.backend.Close()
		pair{waiting[i], r.accept(t, 0)}.ping(t)
	}
	r.Message(t, "accepting resumed")
	running[most-1].ping(t)
}

// A full backend is passed over while another has room.
func TestFullBackendIsPassedOver(t *testing.T) {
	t.Parallel()
	r := setup{backends: []string{"127.0.0.1:0", "127.0.0.1:0"}, edit: func(c *harness.Config) {
		c.Backend(0)["sessions_max"] = 1
		c.Backend(1)["sessions_max"] = 5
	}}.start(t)
	for range 6 {
		r.dial(t)
	}
	for range 5 {
		r.accept(t, 1)
	}
	r.accept(t, 0)
	r.wantRefused(t, "", r.Address(t, "web"), "backend_full")
}

// The limits of two listeners and upstreams are their own.
func TestSessionsMaxIsPerListener(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) {
		c.Listener()["sessions_max"] = 1
		c.Listeners = append(c.Listeners, harness.Table{
			"name": "other", "listen": []string{"127.0.0.1:0"}, "upstream": "web",
		})
	}}.start(t)
	r.open(t)
	r.wantRefused(t, "", r.Address(t, "web"), "sessions_max")
	for range 4 {
		r.dialFrom(t, "", r.Address(t, "other"))
		r.accept(t, 0)
	}
}

// Who may come in, by address: deny is looked at first, then allow.
func TestAllowAndDeny(t *testing.T) {
	type list = []string
	for _, c := range []struct {
		name            string
		allow, deny     list
		listen          string
		welcome, denied list
	}{
		{"deny", nil, list{"127.0.0.2/32"}, "127.0.0.1:0", list{"127.0.0.1:0", "127.0.0.3:0"}, list{"127.0.0.2:0"}},
		{"allow", list{"127.0.0.2/31"}, nil, "127.0.0.1:0", list{"127.0.0.2:0", "127.0.0.3:0"}, list{"127.0.0.1:0", "127.0.0.4:0"}},
		{"both", list{"127.0.0.0/24"}, list{"127.0.0.128/25"}, "127.0.0.1:0", list{"127.0.0.9:0"}, list{"127.0.0.129:0", "127.0.1.1:0"}},
		{"several", list{"127.0.0.2/32", "127.0.0.4/32"}, nil, "127.0.0.1:0", list{"127.0.0.2:0", "127.0.0.4:0"}, list{"127.0.0.3:0"}},
		{"allow v6", list{"::1/128"}, nil, "[::1]:0", list{"[::1]:0"}, nil},
		{"deny v6", nil, list{"::1/128"}, "[::1]:0", nil, list{"[::1]:0"}},
		{"v6 is not v4", list{"127.0.0.0/8"}, nil, "[::1]:0", nil, list{"[::1]:0"}},
		{"v4 is not v6", list{"::/0"}, nil, "127.0.0.1:0", nil, list{"127.0.0.1:0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := setup{listen: c.listen, edit: func(config *harness.Config) {
				config.Listener()["allow"], config.Listener()["deny"] = c.allow, c.deny
			}}.start(t)
			for _, from := range c.welcome {
				pair{r.dialFrom(t, from, r.Address(t, "web")), r.accept(t, 0)}.ping(t)
			}
			for _, from := range c.denied {
				r.wantRefused(t, from, r.Address(t, "web"), "denied")
			}
		})
	}
}

// An IPv4 client is one even where the kernel writes its address the IPv6 way: on a socket
// for both families. relay opens none, but a socket unit may pass one.
func TestDenyOfMappedAddress(t *testing.T) {
	t.Parallel()
	both := listenerOn(t, "tcp", "[::]:0")
	r := setup{listen: "systemd:web", edit: func(c *harness.Config) {
		c.Listener()["deny"] = []string{"127.0.0.2/32"}
	}, options: harness.Options{
		Service: harness.NewService(t), Passed: []harness.Passed{{Name: "web", File: fileOf(t, both)}},
	}}.start(t)
	_, port, err := net.SplitHostPort(both.Addr().String())
	must(t, "address", err)
	v4 := net.JoinHostPort("127.0.0.1", port)
	pair{r.dialFrom(t, "127.0.0.3:0", v4), r.accept(t, 0)}.ping(t)
	r.wantRefused(t, "127.0.0.2:0", v4, "denied")
}

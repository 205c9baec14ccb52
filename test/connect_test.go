package test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/test/harness"
	"relay/test/peer"
)

// refusing is the address of a port that refuses for as long as the test runs.
func refusing(t testing.TB) string {
	t.Helper()
	r, err := peer.NewRefusing()
	must(t, "a refusing port", err)
	t.Cleanup(r.Close)
	return r.Address
}

// silent is an address that never answers.
func silent(t testing.TB) string {
	t.Helper()
	s, err := peer.NewSilent()
	must(t, "a silent port", err)
	t.Cleanup(s.Close)
	return s.Address
}

// abandoned is the path of a unix socket whose server has died.
func abandoned(t testing.TB) string {
	t.Helper()
	path := filepath.Join(harness.Directory(t), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, "listen", err)
	l.SetUnlinkOnClose(false)
	l.Close()
	return "unix:" + path
}

// unreachable is an address that no route leads to. Connecting to the broadcast
// address fails at once and without a packet. Each call gives another port, since an
// upstream names a backend once.
func unreachable(testing.TB) string {
	return fmt.Sprint("255.255.255.255:", 1000+unreachablePort.Add(1))
}

var unreachablePort atomic.Int32

// deadBackends are all the ways in which a backend can be out of reach.
var deadBackends = []struct {
	name    string
	address func(testing.TB) string
}{
	{"refused", refusing},
	{"filtered", silent},
	{"unreachable", unreachable},
	{"no such unix socket", func(t testing.TB) string { return "unix:" + filepath.Join(harness.Directory(t), "none") }},
	{"abandoned unix socket", abandoned},
}

// withBackends puts addresses before or in place of the rig's own.
func withBackends(addresses ...string) func(*harness.Config) {
	return func(c *harness.Config) {
		c.SetBackends(addresses...)
		c.Upstream()["connect_timeout"] = "300ms"
	}
}

// A backend that cannot be reached costs its sessions a retry and nothing more.
func TestConnectGoesToNextBackend(t *testing.T) {
	for _, dead := range deadBackends {
		t.Run(dead.name, func(t *testing.T) {
			t.Parallel()
			live := listen(t, "127.0.0.1:0")
			r := setup{edit: withBackends(dead.address(t), live.Address)}.start(t)
			r.servers[0] = live
			retried := 0
			for range 6 {
				p := r.open(t)
				p.ping(t)
				p.client.Close()
				p.backend.Close()
				got := r.wantReason(t, p.client, "complete")
				if got.Backend != live.Address {
					t.Errorf("logged the backend %q, want %q", got.Backend, live.Address)
				}
				retried += min(got.Retries, 1)
			}
			if retried == 0 {
				t.Error("no session was ever sent to the dead backend first")
			}
		})
	}
}

// With nothing to connect to the client is reset, and the log says why.
func TestConnectAllDown(t *testing.T) {
	for _, dead := range deadBackends {
		t.Run(dead.name, func(t *testing.T) {
			t.Parallel()
			r := setup{edit: withBackends(dead.address(t), dead.address(t))}.start(t)
			for range 3 {
				start := time.Now()
				got := r.wantRefused(t, "", r.Address(t, "web"), "connect_failed")
				within(t, "the end of a session without backends", start, 0, 4*300*time.Millisecond+late)
				if got.Error == "" || got.Retries > 3 {
					t.Errorf("logged %+v, want an error in words and at most 3 retries", got)
				}
			}
		})
	}
}

// connect_retries = 0: one try and no more.
func TestConnectWithoutRetries(t *testing.T) {
	t.Parallel()
	live := listen(t, "127.0.0.1:0")
	r := setup{edit: func(c *harness.Config) {
		withBackends(refusing(t), live.Address)(c)
		c.Upstream()["connect_retries"] = 0
	}}.start(t)
	r.servers[0] = live
	// Two backends take turns: every other session meets the dead one.
	for i := range 6 {
		client, end, _ := peer.Doomed("", r.Address(t, "web"))
		if end == peer.Reset {
			r.wantReasonOf(t, client, "connect_failed")
		} else {
			t.Errorf("session %d ended by %v", i, end)
		}
		r.open(t).ping(t)
	}
}

// Backends of weight 0 take nothing new: there is none to pick.
func TestConnectNoBackend(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) { c.Backend(0)["weight"] = 0 }}.start(t)
	r.wantRefused(t, "", r.Address(t, "web"), "no_backend")
	if n := r.servers[0].Accepted(); n != 0 {
		t.Errorf("a backend of weight 0 got %d connections", n)
	}
}

// A backend that comes back is used again.
func TestConnectAfterRecovery(t *testing.T) {
	t.Parallel()
	dead, err := peer.NewRefusing()
	must(t, "a refusing port", err)
	r := setup{edit: withBackends(dead.Address)}.start(t)
	r.wantRefused(t, "", r.Address(t, "web"), "connect_failed")
	dead.Close()
	r.servers[0] = listen(t, dead.Address)
	r.open(t).ping(t)
}

// A backend that dies in mid-stream: what it had sent arrives, then the reset.
func TestBackendDiesInMidStream(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		p := r.open(t)
		answer := bulk(1, 2*mib)
		arrived := reading(answer, p.client)
		_, err := p.client.Write(peer.Stream(2).Bytes(0, 100*kib))
		must(t, "write", err)
		must(t, "answer", answer.Send(p.backend))
		delivered(t, p.backend)
		harness.Eventually(t, "the request waits unread", func() (bool, any) {
			n, err := p.backend.Unread()
			return err == nil && n == 100*kib, n
		})
		p.backend.Close() // with unread bytes: the kernel says reset, as for a killed process
		if got := <-arrived; got.end != peer.Reset || got.bytes != answer.Bytes() {
			t.Errorf("%v, want a reset after %d", got, answer.Bytes())
		}
		r.wantReason(t, p.client, "backend_reset")
	})
}

// A backend that accepts and resets at once never serves. Its sessions may be tried
// again, but not for ever, and their clients hear of it.
func TestBackendResetsAtOnce(t *testing.T) {
	t.Parallel()
	backend := serve(t, "127.0.0.1:0", func(c *peer.Conn) { _ = c.Reset() })
	r := setup{edit: withBackends(backend.Address)}.start(t)
	for range 20 {
		r.wantRefused(t, "", r.Address(t, "web"), "backend_reset", "connect_failed")
	}
	if n := backend.Accepted(); n > 20*4 {
		t.Errorf("%d connections for 20 sessions with 3 retries each", n)
	}
}

// EADDRNOTAVAIL, no free port to connect from, is the program's own shortage, not the
// backend's fault: it is logged as such, other sessions go on, and when a port is
// free again it is used.
func TestConnectWithoutPorts(t *testing.T) {
	const ports = 4
	r, dial := narrowRig(t, ports)
	var pairs []pair
	for i := range ports {
		pairs = append(pairs, pair{dial(20000 + i), r.accept(t, 0)})
	}
	client := "127.0.0.1:20100"
	must(t, "dial", r.inside.Do(func() error {
		_, _, err := peer.Doomed(client, r.Address(t, "web"))
		return err
	}))
	got := r.wantReasonOf(t, client, "no_resources")
	if !strings.Contains(got.Error, unix.EADDRNOTAVAIL.Error()) {
		t.Errorf("logged the error %q, want %q in it", got.Error, unix.EADDRNOTAVAIL)
	}
	for _, p := range pairs {
		p.ping(t)
	}
	must(t, "reset", pairs[0].backend.Reset()) // no TIME_WAIT: the port is free at once
	r.wantReason(t, pairs[0].client, "backend_reset")
	again := pair{dial(20101), r.accept(t, 0)}
	again.ping(t)
}

// narrowRig is a rig in a network namespace with this many ports to connect from. dial
// makes a client in it, with a port of its own.
func narrowRig(t *testing.T, ports int) (r *rig, dial func(port int) *peer.Conn) {
	t.Helper()
	r = &rig{inside: harness.NewNamespace(t)}
	must(t, "a backend in the namespace", r.inside.Do(func() error {
		server, err := peer.Listen("127.0.0.1:0")
		r.servers = append(r.servers, server)
		return err
	}))
	t.Cleanup(r.servers[0].Close)
	r.Relay = harness.Start(t, harness.Proxy(r.servers[0].Address), harness.Options{Namespace: r.inside})
	t.Cleanup(r.closeConns)
	// Only now, and outside the usual range: what ran at the start may have left ports in
	// TIME_WAIT.
	must(t, "narrow the ports", r.inside.Do(func() error {
		narrow := fmt.Sprint(30000, " ", 30000+ports-1)
		return os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte(narrow), 0)
	}))
	return r, func(port int) (c *peer.Conn) {
		must(t, "dial", r.inside.Do(func() (err error) {
			c, err = peer.DialFrom(fmt.Sprint("127.0.0.1:", port), r.Address(t, "web"))
			return err
		}))
		r.adopt(c)
		return c
	}
}

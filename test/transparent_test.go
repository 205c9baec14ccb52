package test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// network is three hosts in a row, each a network namespace: client, relay, backend.
//
//	10.71.1.2 client ── 10.71.1.1 relay 10.71.2.1 ── 10.71.2.2 backend
//
// The backend's way to the client leads through the relay's host, which keeps what comes
// from there for itself: its transparent sockets are whom it is for.
type network struct{ client, relay, backend *harness.Namespace }

func newNetwork(t *testing.T) network {
	t.Helper()
	n := threeHosts(t)
	for _, family := range []string{"-4", "-6"} {
		n.in(t, n.relay, "ip "+family+" rule add iif b0 lookup 100")
		n.in(t, n.relay, "ip "+family+" route add local default dev lo table 100")
	}
	return n
}

// threeHosts are the hosts and their links, without the way back.
func threeHosts(t *testing.T) network {
	t.Helper()
	n := network{harness.NewNamespace(t), harness.NewNamespace(t), harness.NewNamespace(t)}
	n.link(t, n.client, "c", "10.71.1.2", "10.71.1.1", "fd71:1::2", "fd71:1::1")
	n.link(t, n.backend, "b", "10.71.2.2", "10.71.2.1", "fd71:2::2", "fd71:2::1")
	return n
}

// link joins a host to the relay's by a pair of devices, and leads all its traffic there.
func (n network) link(t *testing.T, host *harness.Namespace, name, own4, relay4, own6, relay6 string) {
	t.Helper()
	line := fmt.Sprintf("ip link add %s0 type veth peer name %s1 netns %s", name, name, n.path(t, host))
	if out, err := n.run(t, n.relay, line); err != nil {
		t.Skipf("this kernel makes no pair of devices: %s: %v: %s", line, err, out)
	}
	for _, end := range []struct {
		ns           *harness.Namespace
		device, a, b string
	}{{n.relay, name + "0", relay4, relay6}, {host, name + "1", own4, own6}} {
		n.in(t, end.ns, "ip addr add "+end.a+"/24 dev "+end.device)
		n.in(t, end.ns, "ip -6 addr add "+end.b+"/64 dev "+end.device+" nodad")
		n.in(t, end.ns, "ip link set "+end.device+" up")
	}
	n.in(t, host, "ip route add default via "+relay4)
	n.in(t, host, "ip -6 route add default via "+relay6)
}

// path names a namespace to ip: by a process in it.
func (n network) path(t *testing.T, host *harness.Namespace) string {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	if err := host.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return fmt.Sprint(cmd.Process.Pid)
}

// in runs a command on a host.
func (n network) in(t *testing.T, host *harness.Namespace, line string) {
	t.Helper()
	if out, err := n.run(t, host, line); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}

func (n network) run(t *testing.T, host *harness.Namespace, line string) (out []byte, err error) {
	t.Helper()
	words := strings.Fields(line)
	cmd := program(t, words[0], words[1:]...)
	err = host.Do(func() (err error) {
		out, err = cmd.CombinedOutput()
		return err
	})
	return out, err
}

// serve makes a server on the backend's host.
func (n network) serve(t *testing.T, address string) *peer.Server {
	t.Helper()
	var s *peer.Server
	err := n.backend.Do(func() (err error) {
		s, err = peer.Listen(address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// session opens one from the client's host.
func (n network) session(t *testing.T, address string, s *peer.Server) pair {
	t.Helper()
	var c *peer.Conn
	err := n.client.Do(func() (err error) {
		c, err = peer.Dial(address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Accept(harness.Patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); b.Close() })
	return pair{c, b}
}

// The backend sees the client's own address, over IPv4 and IPv6, and its answers come
// back through the relay.
func TestTransparent(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	for _, tc := range []struct{ listen, backend, client string }{
		{"10.71.1.1:0", "10.71.2.2:0", "10.71.1.2"},
		{"[fd71:1::1]:0", "[fd71:2::2]:0", "fd71:1::2"},
	} {
		s := n.serve(t, tc.backend)
		c := harness.Proxy(s.Address)
		c.Listener()["listen"] = []string{tc.listen}
		c.Upstream()["transparent"] = true
		r := harness.Start(t, c, harness.Options{Namespace: n.relay})
		p := n.session(t, r.Address(t, "web"), s)
		if got := hostOf(t, p.backend.RemoteAddr()); got != tc.client {
			t.Errorf("the backend sees %s, the client is %s", got, tc.client)
		}
		if err := p.carry(bulk(1, 4<<20), bulk(2, 4<<20)); err != nil {
			t.Error(err)
		}
		if s := r.Session(t, p.client.LocalAddr().String()); s.Reason != "complete" {
			t.Errorf("%+v", s)
		}
	}
}

// The backend sees an address of bind, an interface may be named, and packets carry the
// mark.
func TestBindBetweenHosts(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.in(t, n.relay, "ip addr add 10.71.2.9/24 dev b0")
	s := n.serve(t, "10.71.2.2:0")
	c := harness.Proxy(s.Address)
	c.Listener()["listen"] = []string{"10.71.1.1:0"}
	c.Upstream()["bind"] = []string{"10.71.2.9"}
	c.Upstream()["interface"] = "b0"
	c.Upstream()["mark"] = 71
	r := harness.Start(t, c, harness.Options{Namespace: n.relay})
	p := n.session(t, r.Address(t, "web"), s)
	if got := hostOf(t, p.backend.RemoteAddr()); got != "10.71.2.9" {
		t.Errorf("the backend sees %s", got)
	}
	p.ping(t)
	out, err := n.run(t, n.relay, "ss -tneH dst "+p.backend.LocalAddr().String())
	if err != nil || !strings.Contains(string(out), "fwmark:0x47") {
		t.Errorf("no mark in %q, %v", out, err)
	}
}

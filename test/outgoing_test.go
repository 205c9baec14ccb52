package test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"relay/test/harness"
	"relay/test/peer"
)

func hostOf(t testing.TB, a net.Addr) string {
	t.Helper()
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// Backends are called from the addresses of bind, in turn.
func TestBind(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) {
		c.Upstream()["bind"] = []string{"127.0.0.21", "127.0.0.22", "::1"}
	}}.start(t)
	seen := map[string]int{}
	for range 6 {
		p := r.open(t)
		seen[hostOf(t, p.backend.RemoteAddr())]++
		p.ping(t)
	}
	if len(seen) != 2 || seen["127.0.0.21"] < 2 || seen["127.0.0.22"] < 2 {
		t.Errorf("calls came from %v", seen)
	}
}

// What the kernel does not grant is said at the start, all in one line that names the key.
func TestOutgoingErrorsAtStart(t *testing.T) {
	t.Parallel()
	for what, tc := range map[string]struct {
		key          string
		value        any
		words        []string
		unprivileged bool
	}{
		"foreign address":    {"bind", []string{"192.0.2.99"}, []string{"bind", "192.0.2.99", "not an address of this machine"}, false},
		"no interface":       {"interface", "nosuch0", []string{"interface", "nosuch0"}, false},
		"no congestion":      {"congestion", "nosuch", []string{"congestion", "nosuch", "cubic"}, false},
		"no right to mark":   {"mark", 7, []string{"mark", "CAP_NET_ADMIN"}, true},
		"no right to others": {"transparent", true, []string{"transparent", "CAP_NET_ADMIN"}, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := harness.Proxy("127.0.0.1:1")
			c.Upstream()[tc.key] = tc.value
			r := harness.Launch(t, c.String(), harness.Options{Unprivileged: tc.unprivileged})
			if code := r.Exit(t); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			said := r.Journal.Tail(20)
			for _, word := range tc.words {
				if !strings.Contains(said, word) {
					t.Errorf("no %q in\n%s", word, said)
				}
			}
		})
	}
	c := harness.Proxy("127.0.0.1:1")
	c.Listener()["congestion"] = "nosuch"
	r := harness.Launch(t, c.String())
	if code := r.Exit(t); code != 1 || !strings.Contains(r.Journal.Tail(9), "no such congestion control") {
		t.Errorf("code %d, %s", code, r.Journal.Tail(9))
	}
}

// Sockets on both sides are as the file says: ss tells.
func TestSocketKeys(t *testing.T) {
	t.Parallel()
	keys := func(table harness.Table) {
		table["keepalive"] = harness.Table{"idle": "77s", "interval": "5s", "count": 3}
		table["user_timeout"] = "33s"
		table["congestion"] = "reno"
		table["receive_buffer"] = "64KiB"
		table["send_buffer"] = "48KiB"
	}
	r := setup{edit: func(c *harness.Config) { keys(c.Listener()); keys(c.Upstream()); c.Upstream()["interface"] = "lo" }}.start(t)
	p := r.open(t)
	p.ping(t)
	for side, peers := range map[string]*peer.Conn{"client": p.client, "backend": p.backend} {
		got := socketOf(t, peers)
		for _, want := range []string{"reno", "timer:(keepalive,1min", "rb131072", "tb98304"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s end: no %q in %s", side, want, got)
			}
		}
	}
}

// socketOf is what ss says of the program's socket at the other end of c.
func socketOf(t testing.TB, c *peer.Conn) string {
	t.Helper()
	cmd := program(t, "ss", "-tinmo", "src", c.RemoteAddr().String(), "dst", c.LocalAddr().String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(out, []byte("\n"), []byte(" ")))
}

// A connection whose client has spoken carries that in its first segment, once the
// backend's cookie is known, and nothing is lost or doubled.
func TestFastOpen(t *testing.T) {
	t.Parallel()
	n := harness.NewNamespace(t)
	if err := n.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/tcp_fastopen", []byte("3"), 0o644) }); err != nil {
		t.Skipf("net.ipv4.tcp_fastopen cannot be set, not even for a namespace of our own: %v", err)
	}
	var backend *peer.Server
	err := n.Do(func() (err error) {
		backend, err = fastOpenServer()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Close)
	c := harness.Proxy(backend.Address)
	c.Listener()["fast_open"] = true
	c.Upstream()["fast_open"] = true
	c.Upstream()["send_proxy"] = "v1"
	r := harness.Start(t, c, harness.Options{Namespace: n})
	for i := range 5 {
		var client *peer.Conn
		err := n.Do(func() (err error) {
			client, err = peer.Dial(r.Address(t, "web"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		write(t, client, []byte("early words"))
		b, err := backend.Accept(harness.Patience)
		if err != nil {
			t.Fatal(err)
		}
		_, raw, rest := readHeader(t, b)
		words := make([]byte, 11)
		if _, err := rest.Read(words); err != nil || string(words) != "early words" {
			t.Fatalf("session %d: %q after %q, %v", i, words, raw, err)
		}
		pair{client, b}.ping(t)
		client.Close()
		b.Close()
		if s := r.Session(t, client.LocalAddr().String()); s.BytesUp != 15 || s.Reason != "complete" {
			t.Errorf("session %d: %+v", i, s)
		}
	}
	if got := counter(t, n, "TCPFastOpenActive"); got == "0" {
		t.Error("no connection was opened with data")
	}
}

// counter is a number of /proc/net/netstat in the namespace.
func counter(t testing.TB, n *harness.Namespace, name string) (value string) {
	t.Helper()
	err := n.Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/netstat")
		lines := strings.Split(string(text), "\n")
		for i := 0; i+1 < len(lines); i += 2 {
			values := strings.Fields(lines[i+1])
			for j, key := range strings.Fields(lines[i]) {
				if key == name {
					value = values[j]
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// fastOpenServer listens with TCP Fast Open.
func fastOpenServer() (*peer.Server, error) {
	s, err := peer.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return s, s.Control(func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 16) })
}

// The listener's and the backend's side may be Multipath TCP, and then plain TCP peers
// are served all the same.
func TestMPTCP(t *testing.T) {
	t.Parallel()
	if fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP); err != nil {
		t.Skip("the kernel has no MPTCP")
	} else {
		unix.Close(fd)
	}
	r := setup{edit: func(c *harness.Config) { c.Listener()["mptcp"] = true; c.Upstream()["mptcp"] = true }}.start(t)
	p := r.open(t)
	p.ping(t)
	if err := p.carry(bulk(1, 4<<20), bulk(2, 4<<20)); err != nil {
		t.Error(err)
	}
	r.wantReason(t, p.client, "complete")
	q := r.open(t)
	q.ping(t)
	if err := q.client.Reset(); err != nil {
		t.Fatal(err)
	}
	r.wantReason(t, q.client, "client_reset")
}

// A session ends when its life is over, however busy it is.
func TestSessionTimeout(t *testing.T) {
	t.Parallel()
	r := timeoutRig(t, "session_timeout", "700ms")
	p := r.open(t)
	n := pouring(t, p.backend, p.client)
	r.wantReason(t, p.client, "session_timeout")
	if n.Load() == 0 {
		t.Error("nothing moved before")
	}
}

// program prepares a run of a program that may not be installed.
func program(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not installed")
	}
	return exec.Command(path, args...)
}

//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// nameServer is a dnsmasq whose hosts a test changes. It says that they hold a second.
type nameServer struct {
	*process
	address string
	hosts   string
}

func startNameServer(t testing.TB, options ...string) *nameServer {
	t.Helper()
	n := &nameServer{address: freeAddress(t, "127.0.0.1"), hosts: filepath.Join(harness.Directory(t), "hosts")}
	n.set(t)
	_, port, _ := net.SplitHostPort(n.address)
	args := []string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces",
		"--listen-address=127.0.0.1", "--port=" + port, "--addn-hosts=" + n.hosts, "--local-ttl=1", "--pid-file=",
		"--local=/example/",
	}
	if os.Getuid() == 0 {
		args = append(args, "--user=root") // it must read what the test writes
	}
	n.process = program(t, "dnsmasq", append(args, options...)...).serve(t, n.address)
	return n
}

// set writes the hosts file; each line is an address and a name.
func (n *nameServer) set(t testing.TB, lines ...string) {
	t.Helper()
	if err := os.WriteFile(n.hosts, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if n.process != nil {
		n.signal(t, syscall.SIGHUP)
	}
}

// echoOn is a server that echoes.
func echoOn(t testing.TB, address string) *peer.Server {
	t.Helper()
	s, err := peer.Serve(address, func(c *peer.Conn) { _, _ = io.Copy(c, c) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// say has four bytes echoed.
func say(c *peer.Conn) error {
	_ = c.SetDeadline(time.Now().Add(harness.Patience))
	if _, err := c.Write([]byte("ping")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 4))
	return err
}

// visits opens one session after the other until stop, and counts those that fail.
func visits(address string, stop chan struct{}, failed *atomic.Int64) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(2 * time.Millisecond):
		}
		c, err := peer.Dial(address)
		if err == nil {
			err = say(c)
			c.Close()
		}
		if err != nil {
			failed.Add(1)
		}
	}
}

// TestDiscoveryByName changes the addresses of a host under load: backends come and go,
// no session fails, not even one that runs on a backend that goes.
func TestDiscoveryByName(t *testing.T) {
	_, port, _ := net.SplitHostPort(freeAddress(t, "127.0.0.1"))
	var servers []*peer.Server
	for i := 1; i <= 3; i++ {
		servers = append(servers, echoOn(t, fmt.Sprintf("127.0.0.%d:%s", i, port)))
	}
	names := startNameServer(t)
	names.set(t, "127.0.0.1 app.example", "127.0.0.2 app.example")
	c := harness.Proxy("app.example:" + port)
	c.Upstream()["resolver"] = names.address
	r := harness.Start(t, c)

	runs, err := peer.Dial(r.Address(t, "web"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runs.Close() })
	if err := say(runs); err != nil {
		t.Fatal(err)
	}
	stop, failed := make(chan struct{}), atomic.Int64{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		visits(r.Address(t, "web"), stop, &failed)
	}()
	comes := func(i int) {
		t.Helper()
		before := servers[i].Accepted()
		harness.Eventually(t, "sessions on "+servers[i].Address, func() (bool, any) {
			n := servers[i].Accepted()
			return n > before+5, n
		})
	}
	comes(0)
	comes(1)
	names.set(t, "127.0.0.2 app.example", "127.0.0.3 app.example")
	comes(2)
	left := servers[0].Accepted()
	comes(1)
	if n := servers[0].Accepted(); n != left {
		t.Errorf("%d sessions on a backend that is gone", n-left)
	}
	if err := say(runs); err != nil {
		t.Errorf("the session that was there before: %v", err)
	}
	names.kill() // nobody answers: the last answer stands
	r.Message(t, "name not resolved: its last answer stands")
	comes(1)
	comes(2)
	close(stop)
	<-done
	if n := failed.Load(); n > 0 {
		t.Errorf("%d sessions failed", n)
	}
}

// TestDiscoveryBySRV has ports, weights and priorities from the DNS.
func TestDiscoveryBySRV(t *testing.T) {
	var ports []string
	var servers []*peer.Server
	for range 3 {
		s := echoOn(t, "127.0.0.1:0")
		servers = append(servers, s)
		_, port, _ := net.SplitHostPort(s.Address)
		ports = append(ports, port)
	}
	names := startNameServer(t,
		"--srv-host=_web._tcp.example,app.example,"+ports[0]+",10,3000",
		"--srv-host=_web._tcp.example,app.example,"+ports[1]+",10,1000",
		"--srv-host=_web._tcp.example,app.example,"+ports[2]+",20,1000",
		"--host-record=app.example,127.0.0.1")
	c := harness.Proxy()
	delete(c.Upstream(), "backend")
	c.Upstream()["discover"] = "srv:_web._tcp.example"
	c.Upstream()["resolver"] = names.address
	r := harness.Start(t, c)
	for range 40 {
		c, err := peer.Dial(r.Address(t, "web"))
		if err == nil {
			err = say(c)
			c.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int64{30, 10, 0} {
		if got := servers[i].Accepted(); got < want-1 || got > want+1 {
			t.Errorf("server %d has %d of 40 sessions, want %d", i, got, want)
		}
	}
}

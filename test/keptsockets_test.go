package test

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"syscall"
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// stored is a relay whose sockets a service manager keeps, and the next one of it.
type stored struct {
	*harness.Relay
	manager *harness.Service
	config  *harness.Config
	address string
}

func startStored(t *testing.T, listen ...string) *stored {
	t.Helper()
	if len(listen) == 0 {
		listen = []string{"127.0.0.1:0"}
	}
	s := &stored{manager: harness.NewService(t), config: harness.Proxy(greeter(t, "hello").Address)}
	s.manager.Store = 8
	s.config.Listener()["listen"] = listen
	s.Relay = harness.Start(t, s.config, harness.Options{Service: s.manager})
	s.address = s.Address(t, "web")
	s.kept(t, len(listen))
	return s
}

var keyForm = regexp.MustCompile(`^[0-9a-z-]+$`)

// kept waits until the manager keeps n sockets.
func (s *stored) kept(t *testing.T, n int) (all []harness.Passed) {
	t.Helper()
	harness.Eventually(t, fmt.Sprint(n, " sockets are kept"), func() (bool, any) {
		kept := s.manager.Kept()
		return len(kept) == n, kept
	})
	for name, f := range s.manager.Kept() {
		if !keyForm.MatchString(name) {
			t.Errorf("a socket is called %q", name)
		}
		all = append(all, harness.Passed{Name: name, File: f})
	}
	return all
}

// next starts a process after this one has ended.
func (s *stored) next(t *testing.T) *harness.Relay {
	t.Helper()
	return harness.Start(t, s.config, harness.Options{Service: s.manager, Passed: s.kept(t, len(s.manager.Kept()))})
}

// Who comes while no process runs, however the last one ended, waits and is served.
func TestKeptSocketsRefuseNobody(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *stored){
		"stopped": func(t *testing.T, s *stored) { s.Stop(t) },
		"killed":  func(t *testing.T, s *stored) { s.Signal(t, syscall.SIGKILL); s.Exit(t) },
	} {
		for _, where := range []string{"127.0.0.1:0", "unix"} {
			t.Run(name+" "+where, func(t *testing.T) {
				t.Parallel()
				s := startStored(t, place(t, where))
				end(t, s)
				waiting, err := peer.Dial(s.address)
				must(t, "a client is taken while nobody runs", err)
				defer waiting.Close()
				next := s.next(t)
				if got := next.Address(t, "web"); got != s.address {
					t.Errorf("the next one listens on %s, the last one did on %s", got, s.address)
				}
				hello, err := io.ReadAll(waiting)
				if err != nil || string(hello) != "hello" {
					t.Errorf("the client heard %q, %v", hello, err)
				}
			})
		}
	}
}

// Who comes while the old process drains is the next one's, and the drain is short.
func TestDrainWithKeptSockets(t *testing.T) {
	t.Parallel()
	m := harness.NewService(t)
	m.Store = 8
	var c *harness.Config
	r := setup{options: harness.Options{Service: m}, edit: func(conf *harness.Config) {
		conf.Engine["drain_timeout"], conf.Engine["restart_drain_timeout"] = "60s", "700ms"
		c = conf
	}}.start(t)
	p := r.open(t)
	m.Hear(t, 1, "FDSTORE=1")
	r.Signal(t, syscall.SIGTERM)
	m.Hear(t, 1, "STOPPING=1\nEXTEND_TIMEOUT_USEC=10700000")
	r.Message(t, "draining")
	waiting, err := peer.Dial(r.Address(t, "web"))
	must(t, "a client is taken while the old one drains", err)
	defer waiting.Close()
	r.wantReason(t, p.client, "drain_timeout")
	r.Exit(t)
	s := &stored{Relay: r.Relay, manager: m, config: c}
	s.next(t)
	backend, err := r.servers[0].Accept(harness.Patience)
	must(t, "the client's session", err)
	backend.Close()
}

// A listener that goes on a reload is taken back from the manager, and refuses.
func TestKeptSocketsGoWithTheirListener(t *testing.T) {
	t.Parallel()
	s := startStored(t, "127.0.0.1:0", "[::1]:0")
	gone := s.Addresses("web")[1]
	s.config.Listener()["listen"] = []string{"127.0.0.1:0"}
	s.Reload(t, s.config.String())
	s.kept(t, 1)
	wantRefused(t, gone)
	wantGreeting(t, s.address, "hello")
}

// What is kept for a listener that is not there any more is closed at the next start; so
// is one of other options, which is opened anew at its address.
func TestStaleKeptSockets(t *testing.T) {
	t.Parallel()
	s := startStored(t, "127.0.0.1:0", "[::1]:0")
	s.Stop(t)
	gone := s.Addresses("web")[1]
	s.config.Listener()["listen"] = []string{s.address}
	s.config.Listener()["send_buffer"] = "64KiB"
	next := s.next(t)
	s.kept(t, 1)
	wantRefused(t, gone)
	wantGreeting(t, next.Address(t, "web"), "hello")
}

func TestOptionsOfKeptSockets(t *testing.T) {
	t.Parallel()
	address := free(t)
	s := startStored(t, address)
	before := s.kept(t, 1)[0].Name
	s.Stop(t)
	s.config.Listener()["send_buffer"] = "64KiB"
	next := s.next(t)
	harness.Eventually(t, "a socket of other options is kept", func() (bool, any) {
		after := s.manager.Kept()
		return len(after) == 1 && after[before] == nil, after
	})
	if got := next.Address(t, "web"); got != address {
		t.Errorf("it listens on %s, not on %s", got, address)
	}
	wantGreeting(t, address, "hello")
}

// A manager that keeps fewer than there are: the others go with the process.
func TestTheStoreIsFull(t *testing.T) {
	t.Parallel()
	m := harness.NewService(t)
	m.Store = 1
	r := setup{options: harness.Options{Service: m}, edit: func(c *harness.Config) {
		c.Listener()["listen"] = []string{"127.0.0.1:0", "127.0.0.1:0"}
	}}.start(t)
	r.Line(t, "a warning", func(l harness.Line) bool { return l.Field("FileDescriptorStoreMax") == 1.0 })
	m.Hear(t, 1, "FDSTORE=1")
	if n := len(m.Kept()); n != 1 {
		t.Errorf("%d sockets are kept", n)
	}
}

func wantRefused(t *testing.T, address string) {
	t.Helper()
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Errorf("%s still takes clients", address)
	}
}

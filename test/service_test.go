package test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/test/harness"
	"relay/test/peer"
)

// What a service manager is told, from start to end.
func TestServiceIsTold(t *testing.T) {
	t.Parallel()
	m := harness.NewService(t)
	r := setup{options: harness.Options{Service: m}}.start(t)
	m.Hear(t, 1, "READY=1")
	m.Hear(t, 1, "STATUS=0 sessions")

	before := monotonic(t)
	c := harness.Proxy(r.servers[0].Address)
	if l := r.Reload(t, c.String()); l.Message != "reloaded" {
		t.Fatalf("reload: %v", l)
	}
	m.Hear(t, 2, "READY=1")
	notice := m.Hear(t, 1, "RELOADING=1").Text
	var at int64
	if _, err := fmt.Sscanf(notice, "RELOADING=1\nMONOTONIC_USEC=%d", &at); err != nil || at < before || at > monotonic(t) {
		t.Errorf("%q, want a time since %d", notice, before)
	}
	r.Reload(t, "this is no TOML")
	m.Hear(t, 3, "READY=1")
	m.Hear(t, 1, "the last reload was refused")

	p := r.open(t)
	r.Signal(t, syscall.SIGTERM)
	m.Hear(t, 1, "STOPPING=1\nEXTEND_TIMEOUT_USEC=13000000")
	m.Hear(t, 1, "STATUS=draining: 1 sessions")
	p.client.Close()
	p.backend.Close()
	if code := r.Exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func monotonic(t *testing.T) int64 {
	t.Helper()
	var ts unix.Timespec
	must(t, "clock_gettime", unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts))
	return ts.Nano() / 1000
}

// The watchdog is fed while all loops turn, and not while one stands still.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	m := harness.NewService(t)
	m.Watchdog = 400 * time.Millisecond
	r := setup{
		edit:    func(c *harness.Config) { c.Engine["loops"] = 2 },
		options: harness.Options{Service: m},
	}.start(t)
	m.Hear(t, 5, "WATCHDOG=1")
	resume := r.StopLoop(t)
	fed := m.Count("WATCHDOG=1")
	m.Hear(t, 1, "1 of 2 loops standing still") // many feedings were left out by then
	if n := m.Count("WATCHDOG=1") - fed; n > 1 {
		t.Errorf("the watchdog was fed %d times while a loop stood still", n)
	}
	resume()
	m.Hear(t, fed+5, "WATCHDOG=1")
}

// fileOf is the descriptor of a listening socket of the test's.
func fileOf(t *testing.T, l net.Listener) *os.File {
	t.Helper()
	f, err := l.(interface{ File() (*os.File, error) }).File()
	must(t, "file of a listener", err)
	t.Cleanup(func() { f.Close() })
	return f
}

func listenerOn(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	must(t, "listen", err)
	t.Cleanup(func() { l.Close() })
	return l
}

// Sockets that were passed, by name: several of one name, TCP and unix, for a listener, a
// drop and the admin interface.
func TestSocketActivation(t *testing.T) {
	t.Parallel()
	web1, web2 := listenerOn(t, "tcp", "127.0.0.1:0"), listenerOn(t, "tcp6", "[::1]:0")
	web3 := listenerOn(t, "unix", harness.Directory(t)+"/web")
	files, status := listenerOn(t, "tcp", "127.0.0.1:0"), listenerOn(t, "unix", harness.Directory(t)+"/admin")
	unused := listenerOn(t, "tcp", "127.0.0.1:0")
	passed := []harness.Passed{
		{Name: "web", File: fileOf(t, web1)},
		{Name: "files", File: fileOf(t, files)},
		{Name: "web", File: fileOf(t, web2)},
		{Name: "web", File: fileOf(t, web3)},
		{Name: "relay.socket", File: fileOf(t, status)},
		{Name: "spare", File: fileOf(t, unused)},
	}
	backend := greeter(t, "hello")
	c := harness.Proxy(backend.Address)
	c.Listener()["listen"] = []string{"systemd:web"}
	c.Admin = harness.Table{"listen": "systemd:relay.socket"}
	c.Drops = []harness.Table{{"name": "files", "listen": []string{"systemd:files"}, "directory": t.TempDir()}}
	r := harness.Start(t, c, harness.Options{Service: harness.NewService(t), Passed: passed})

	greets := func() {
		t.Helper()
		wantGreeting(t, web1.Addr().String(), "hello")
		wantGreeting(t, web2.Addr().String(), "hello")
		conn, err := peer.Dial("unix:" + web3.Addr().String())
		must(t, "dial", err)
		conn.Close()
	}
	greets()
	answer, err := http.Get("http://" + files.Addr().String() + "/")
	must(t, "ask the drop", err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the drop answers %s", answer.Status)
	}
	if out := harness.Run(t, "status", "--admin", "unix:"+status.Addr().String()); out.Code != 0 || !strings.Contains(out.Stdout, web1.Addr().String()) {
		t.Errorf("relay status: %+v", out)
	}
	if l := r.Line(t, "a warning of the unused socket", func(l harness.Line) bool { return l.Field("name") == "spare" }); l.Level != "warn" {
		t.Errorf("the unused socket: %v", l)
	}
	// They stay through reloads, also through one that does not want them for a while.
	c.Listener()["idle_timeout"] = "3m"
	r.Reload(t, c.String())
	greets()
	c.Listener()["listen"] = []string{"127.0.0.1:0"}
	r.Reload(t, c.String())
	c.Listener()["listen"] = []string{"systemd:web"}
	r.Reload(t, c.String())
	greets()
}

// Clear words for each way to get it wrong.
func TestSocketActivationMistakes(t *testing.T) {
	t.Parallel()
	plain := net.ListenConfig{}
	plain.SetMultipathTCP(false)
	one, err := plain.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, "listen", err)
	t.Cleanup(func() { one.Close() })
	packets, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, "listen", err)
	t.Cleanup(func() { packets.Close() })
	udp, err := packets.File()
	must(t, "file", err)
	t.Cleanup(func() { udp.Close() })
	tcp := fileOf(t, one)
	for name, c := range map[string]struct {
		passed []harness.Passed
		edit   func(*harness.Config)
		want   string
	}{
		"none passed":     {nil, nil, "systemd passed no sockets"},
		"other name":      {[]harness.Passed{{Name: "wbe", File: tcp}}, nil, `only ["wbe"]; write FileDescriptorName=web`},
		"not a listener":  {[]harness.Passed{{Name: "web", File: udp}}, nil, "not a listening stream socket"},
		"admin, two":      {[]harness.Passed{{Name: "web", File: tcp}, {Name: "a", File: tcp}, {Name: "a", File: tcp}}, admin("systemd:a"), "passed 2 sockets of this name"},
		"admin, none":     {[]harness.Passed{{Name: "web", File: tcp}}, admin("systemd:a"), "systemd passed no socket of this name"},
		"not Multipath":   {[]harness.Passed{{Name: "web", File: tcp}}, func(c *harness.Config) { c.Listener()["mptcp"] = true }, "SocketProtocol=mptcp"},
		"taken twice":     {[]harness.Passed{{Name: "web", File: tcp}}, admin("systemd:web"), "an address can be listened on once"},
		"no such setting": {[]harness.Passed{{Name: "web", File: tcp}}, func(c *harness.Config) { c.Listener()["congestion"] = "telepathy" }, "no such congestion control"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf := harness.Proxy("127.0.0.1:1")
			conf.Listener()["listen"] = []string{"systemd:web"}
			if c.edit != nil {
				c.edit(conf)
			}
			r := harness.Launch(t, conf.String(), harness.Options{Service: harness.NewService(t), Passed: c.passed})
			if code := r.Exit(t); code != 1 {
				t.Errorf("exit code %d", code)
			}
			if said := r.Journal.Tail(20); !strings.Contains(said, c.want) {
				t.Errorf("it says %s\nwant … %s …", said, c.want)
			}
		})
	}
}

func admin(listen string) func(*harness.Config) {
	return func(c *harness.Config) { c.Admin = harness.Table{"listen": listen} }
}

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
	if after := s.kept(t, 1)[0].Name; after == before {
		t.Error("the socket of other options is still kept")
	}
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

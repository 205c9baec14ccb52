package test

import (
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

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

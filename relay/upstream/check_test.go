package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
)

// ending is how a server's connection from a check ended.
type ending struct {
	got string
	err error // nil = FIN
}

// serve is a server that does f with every connection, then reads to its end and tells.
func serve(t *testing.T, f func(net.Conn)) (netip.AddrPort, chan ending) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	ends := make(chan ending, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
				got, err := io.ReadAll(c)
				ends <- ending{string(got), err}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort(), ends
}

func checkOnce(t *testing.T, c config.HealthCheck, at netip.AddrPort, preface Preface) string {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Path == "" {
		c.Path = "/"
	}
	p := poolOf(t, config.Upstream{Backends: []config.Backend{{Address: config.Address{TCP: at}, Weight: 1}}})
	conn, failure, known := newChecker(&c, p.at(0), preface).check(context.Background())
	if !known {
		t.Error("the outcome is not known")
	}
	part(conn)
	return failure
}

func TestChecksEndWithoutAReset(t *testing.T) {
	greet := func(c net.Conn) { io.WriteString(c, "220 hello\r\n") }
	mute := func(net.Conn) {}
	page := func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n"+strings.Repeat("x", 9000))
	}
	for _, tc := range []struct {
		name   string
		server func(net.Conn)
		check  config.HealthCheck
	}{
		{"tcp, mute", mute, config.HealthCheck{}},
		{"tcp, a greeting that nobody reads", greet, config.HealthCheck{}},
		{"http, more than was asked for", page, config.HealthCheck{Type: config.CheckHTTP}},
		{"expect", greet, config.HealthCheck{Type: config.CheckExpect, Expect: "220"}},
	} {
		at, ends := serve(t, tc.server)
		if failure := checkOnce(t, tc.check, at, nil); failure != "" {
			t.Errorf("%s: %s", tc.name, failure)
		}
		if e := <-ends; e.err != nil {
			t.Errorf("%s: the server saw %v", tc.name, e.err)
		}
	}
}

func TestChecksThatFail(t *testing.T) {
	closed, _ := serve(t, func(c net.Conn) {
		c.Read(make([]byte, 1000))
		c.Close()
	})
	mute, _ := serve(t, func(net.Conn) {})
	odd, _ := serve(t, func(c net.Conn) { io.WriteString(c, "500 no\r\n") })
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	nobody := l.Addr().(*net.TCPAddr).AddrPort()
	l.Close()
	short := 50 * time.Millisecond
	for _, tc := range []struct {
		at    netip.AddrPort
		check config.HealthCheck
		want  string
	}{
		{nobody, config.HealthCheck{}, "connect: connection refused"},
		{closed, config.HealthCheck{Type: config.CheckHTTP}, "closed without an answer"},
		{mute, config.HealthCheck{Type: config.CheckHTTP, Timeout: short}, "no answer within 50ms"},
		{mute, config.HealthCheck{Type: config.CheckTLS, Timeout: short}, "no answer within 50ms"},
		{mute, config.HealthCheck{Type: config.CheckExpect, Expect: "x", Timeout: short}, "no answer within 50ms"},
		{odd, config.HealthCheck{Type: config.CheckExpect, Expect: "220"}, `answered "500 no\r\n"`},
		{odd, config.HealthCheck{Type: config.CheckExpect, ExpectRegexp: "^2", Timeout: short}, `answered "500 no\r\n"`},
	} {
		if got := checkOnce(t, tc.check, tc.at, nil); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.check.Type, got, tc.want)
		}
	}
}

func TestHTTPCheck(t *testing.T) {
	status := 200
	var host, path string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, path = r.Host, r.URL.Path
		w.WriteHeader(status)
	}))
	defer s.Close()
	at := netip.MustParseAddrPort(s.Listener.Addr().String())
	c := config.HealthCheck{Type: config.CheckHTTP, Host: "www.example.org", Path: "/healthz"}
	if got := checkOnce(t, c, at, nil); got != "" || host != c.Host || path != c.Path {
		t.Errorf("%q; asked %s for %s", got, host, path)
	}
	status = 503
	if got := checkOnce(t, c, at, nil); got != `answered "503 Service Unavailable"` {
		t.Errorf("503: %q", got)
	}
	c.Status = []config.StatusRange{{From: 200, To: 204}, {From: 503, To: 503}}
	if got := checkOnce(t, c, at, nil); got != "" {
		t.Errorf("503, which is expected: %q", got)
	}
}

func TestTLSCheck(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	asked := make(chan string, 1)
	s.TLS = &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		asked <- h.ServerName
		return nil, nil
	}}
	s.StartTLS()
	defer s.Close()
	c := config.HealthCheck{Type: config.CheckTLS, Host: "www.example.org"}
	if got := checkOnce(t, c, netip.MustParseAddrPort(s.Listener.Addr().String()), nil); got != "" {
		t.Errorf("%q", got)
	}
	if name := <-asked; name != c.Host {
		t.Errorf("asked for %q", name)
	}
}

func TestPrefaceComesFirst(t *testing.T) {
	at, ends := serve(t, func(net.Conn) {})
	preface := func(c net.Conn) error {
		_, err := io.WriteString(c, "PROXY UNKNOWN\r\n")
		return err
	}
	short := 50 * time.Millisecond
	checkOnce(t, config.HealthCheck{Type: config.CheckExpect, Send: "PING", Expect: "x", Timeout: short}, at, preface)
	if e := <-ends; e.got != "PROXY UNKNOWN\r\nPING" {
		t.Errorf("the server got %q", e.got)
	}
}

func TestOurOwnShortageIsNotTheBackends(t *testing.T) {
	if !scarce(&net.OpError{Err: syscall.EMFILE}) || scarce(&net.OpError{Err: syscall.ECONNREFUSED}) || scarce(errors.New("x")) {
		t.Error("shortages are not told from faults")
	}
}

func TestPausesVary(t *testing.T) {
	p := newPool(t, checked(config.Upstream{}), 1)
	c := &config.HealthCheck{Interval: time.Second, DownInterval: 10 * time.Second, Jitter: 20}
	k := newChecker(c, p.at(0), nil)
	least, most := time.Hour, time.Duration(0)
	for range 1000 {
		d := k.pause(true)
		least, most = min(least, d), max(most, d)
	}
	if least < 800*time.Millisecond || most > 1200*time.Millisecond || most-least < 300*time.Millisecond {
		t.Errorf("from %v to %v, want 800ms to 1.2s", least, most)
	}
	p.at(0).Checked("down")
	if d := k.pause(false); d < 8*time.Second {
		t.Errorf("down: %v", d)
	}
}

// An upstream that runs watches its backends, follows a change of its configuration, and
// leaves nothing behind when it stops.
func TestWatchesFollowTheConfiguration(t *testing.T) {
	at, ends := serve(t, func(net.Conn) {})
	c := config.Upstream{
		Name:        "web",
		HealthCheck: &config.HealthCheck{Interval: 5 * time.Millisecond, Timeout: time.Second, Fall: 1, Rise: 1},
		Backends:    []config.Backend{{Address: config.Address{TCP: at}, Weight: 1}},
	}
	u, err := New(c, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	u.Start()
	for range 3 {
		if e := <-ends; e.err != nil {
			t.Error(e.err)
		}
	}
	c.HealthCheck = &config.HealthCheck{Type: config.CheckExpect, Expect: "x", Interval: time.Hour, Timeout: time.Millisecond, Fall: 1, Rise: 1}
	if err := u.Update(c); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the backend is down", func() bool { return u.Backends()[0].View().State == "down" })
	c.HealthCheck = nil
	if err := u.Update(c); err != nil {
		t.Fatal(err)
	}
	if got := u.Backends()[0].View().State; got != "up" {
		t.Errorf("without checks it is %s", got)
	}
	if n := len(u.running.watches); n != 0 {
		t.Errorf("%d watches left", n)
	}
	u.Stop()
}

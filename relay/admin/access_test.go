package admin

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"relay/config"
)

const testToken = "0123456789abcdefghij"

// testServer is an interface that answers without a network; address is "unix", or where
// it would listen.
func testServer(address string, r Relay) *Server {
	s := &Server{relay: r, log: zerolog.Nop(), token: testToken, config: config.Admin{TokenFile: "relay.token"}}
	if address == "unix" {
		s.config.Listen.Unix = "/run/x"
	} else {
		s.config.Listen.TCP = netip.MustParseAddrPort(address)
	}
	return s
}

// calm is a relay that has nothing to tell and does what it is told.
func calm() Relay {
	return Relay{
		State:     func() State { return State{Status: Status{State: "serving"}} },
		Sessions:  func() []Session { return nil },
		Transfers: func() []Transfer { return nil },
		Reload:    func() Reload { return Reload{OK: true} },
		Log:       func(string) {},
		Reset:     func(id uint64) bool { return id == 35 },
		Drain:     func(u, b string, _ bool) bool { return u == "web" && b == "unix:/a/b" },
		Weight:    func(u, b string, _ int) bool { return u == "web" && b == "10.0.0.1:80" },
	}
}

func TestAccess(t *testing.T) {
	const read, change = "GET /api/v1/status", "POST /api/v1/reload"
	const loopback, public, unix = "127.0.0.1:9901", "192.0.2.1:9901", "unix"
	bearer, basic := "Bearer "+testToken, "Basic OnNlY3JldA=="
	header := map[string]string{HeaderName: "1"}
	with := func(more ...string) map[string]string {
		h := map[string]string{HeaderName: "1"}
		for i := 0; i < len(more); i += 2 {
			h[more[i]] = more[i+1]
		}
		return h
	}
	for _, c := range []struct {
		name, on, what, host string
		header               map[string]string
		want                 int
	}{
		{"loopback reads freely", loopback, read, "127.0.0.1:9901", nil, 200},
		{"by name", loopback, read, "localhost:9901", nil, 200},
		{"by IPv6", loopback, read, "[::1]:9901", nil, 200},
		{"rebound name", loopback, read, "evil.example:9901", nil, 403},
		{"name that begins well", loopback, read, "localhost.evil.example", nil, 403},
		{"no host", loopback, read, "", nil, 403},
		{"change without token", loopback, change, "localhost", header, 401},
		{"change with token", loopback, change, "localhost", with("Authorization", bearer), 200},
		{"change with another token", loopback, change, "localhost", with("Authorization", bearer+"x"), 401},
		{"change with an empty token", loopback, change, "localhost", with("Authorization", "Bearer "), 401},
		{"change with token, from a form", loopback, change, "localhost", map[string]string{"Authorization": bearer}, 403},
		{"public read without token", public, read, "192.0.2.1:9901", nil, 401},
		{"public read with token", public, read, "192.0.2.1:9901", map[string]string{"Authorization": bearer}, 200},
		{"public read with another password", public, read, "192.0.2.1", map[string]string{"Authorization": basic}, 401},
		{"public metrics without token", public, "GET /metrics", "192.0.2.1", nil, 401},
		{"public probe", public, "GET /healthz", "192.0.2.1", nil, 200},
		{"wildcard is public", "0.0.0.0:9901", read, "127.0.0.1", nil, 401},
		{"unix reads", unix, read, "relay", nil, 200},
		{"unix changes", unix, change, "relay", header, 200},
		{"unix change from a form", unix, change, "relay", nil, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testServer(c.on, calm())
			method, path, _ := strings.Cut(c.what, " ")
			r := httptest.NewRequest(method, path, nil)
			r.Host = c.host
			for k, v := range c.header {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			s.guard(s.routes()).ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("%d %s, want %d", w.Code, w.Body, c.want)
			}
			if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
				t.Error("no policy")
			}
		})
	}
}

// A token sent as a password lets the address bar of a browser in.
func TestTokenAsPassword(t *testing.T) {
	s := testServer("192.0.2.1:9901", calm())
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "192.0.2.1"
	r.SetBasicAuth("anyone", testToken)
	w := httptest.NewRecorder()
	s.guard(s.routes()).ServeHTTP(w, r)
	if w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
}

func TestTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	first, err := Token(path)
	if err != nil || len(first) < tokenLeast {
		t.Fatal(first, err)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o600 {
		t.Error(info.Mode())
	}
	if again, err := Token(path); err != nil || again != first {
		t.Error(again, err)
	}
	os.Chmod(path, 0o644)
	if _, err := Token(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Error(err)
	}
	os.WriteFile(path, []byte("short"), 0o600)
	os.Chmod(path, 0o600)
	if _, err := Token(path); err == nil {
		t.Error("a short token is taken")
	}
}

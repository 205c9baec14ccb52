package test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// listed is the API's page of sessions, as far as the tests look.
type listed struct {
	Total int
	Items []struct {
		ID, Client, Listener, Upstream, Backend, State string
		Bytes                                          struct{ Up, Down int64 }
	}
}

// A running session is listed with what it has moved, and can be reset.
func TestAdminSessions(t *testing.T) {
	t.Parallel()
	a := startAdmin(t, setup{}, false)
	p := a.open(t)
	p.ping(t)
	all := state[listed](t, a, "/sessions?sort=bytes")
	if all.Total != 1 {
		t.Fatalf("%+v", all)
	}
	s := all.Items[0]
	if s.Client != p.client.LocalAddr().String() || s.Listener != "web" || s.Backend != a.servers[0].Address ||
		s.State != "relaying" || s.Bytes.Up != 4 || s.Bytes.Down != 4 {
		t.Errorf("%+v", s)
	}
	if other := state[listed](t, a, "/sessions?listener=other"); other.Total != 0 {
		t.Errorf("%+v", other)
	}
	if code, body := a.call(t, "DELETE", "/api/v1/sessions/"+s.ID, ""); code != 204 {
		t.Fatal(code, body)
	}
	wantCutOff(t, p.client)
	a.wantReason(t, p.client, "reset_by_order")
	if code, _ := a.call(t, "DELETE", "/api/v1/sessions/"+s.ID, ""); code != 404 {
		t.Errorf("a session that is gone is reset: %d", code)
	}
}

// A drained backend gets no new sessions, and those it has go on.
func TestAdminDrain(t *testing.T) {
	t.Parallel()
	other := greeter(t, "other")
	a := startAdmin(t, setup{edit: func(c *harness.Config) {
		c.SetBackends(c.Backend(0)["address"].(string), other.Address)
	}}, false)
	web, path := a.Address(t, "web"), "/api/v1/upstreams/web/backends/"+a.servers[0].Address
	p := a.open(t)
	onlyOther := func() {
		t.Helper()
		for range 4 {
			wantGreeting(t, web, "other")
		}
	}
	order := func(method, action, body string) {
		t.Helper()
		if code, text := a.call(t, method, path+action, body); code != 204 {
			t.Fatal(code, text)
		}
	}
	order("POST", "/drain", "")
	onlyOther()
	p.ping(t)
	order("POST", "/enable", "")
	a.dial(t)
	a.dial(t)
	a.accept(t, 0)
	order("PUT", "/weight", `{"weight":0}`)
	onlyOther()
}

// What moves shows in the metrics while it moves.
func TestAdminMetrics(t *testing.T) {
	t.Parallel()
	a := startAdmin(t, setup{}, false)
	running := a.open(t)
	running.ping(t)
	over := a.open(t)
	if err := over.carry(bulk(1, mib), bulk(2, 2*mib)); err != nil {
		t.Fatal(err)
	}
	a.wantReason(t, over.client, "complete")
	_, text := a.call(t, "GET", "/metrics", "")
	for _, want := range []string{
		`relay_sessions{name="web",role="listener"} 1`,
		`relay_sessions_accepted_total{listener="web"} 2`,
		`relay_sessions_ended_total{listener="web",reason="complete"} 1`,
		`relay_session_seconds_count{listener="web"} 1`,
		`relay_connect_seconds_count{listener="web"} 1`,
		fmt.Sprintf(`relay_backend_up{backend="%s",upstream="web"} 1`, a.servers[0].Address),
		fmt.Sprintf(`relay_backend_sessions_total{backend="%s",upstream="web"} 2`, a.servers[0].Address),
		`relay_serving 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if down := metric(t, text, `relay_bytes_total{direction="down",listener="web",way="copied"}`) +
		metric(t, text, `relay_bytes_total{direction="down",listener="web",way="spliced"}`); down != 2*mib+4 {
		t.Errorf("%.0f bytes down, want %d", down, 2*mib+4)
	}
}

// However many connections somebody opens to the interface, sessions have their
// descriptors, and when those have gone it answers again.
func TestAdminFlood(t *testing.T) {
	t.Parallel()
	a := startAdmin(t, setup{options: harness.Options{Descriptors: 200}}, false)
	var flood []*peer.Conn
	for range 300 {
		c, err := peer.Dial(strings.TrimPrefix(a.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		flood = append(flood, c)
	}
	for _, p := range a.openMany(t, 30) {
		p.ping(t)
	}
	for _, c := range flood {
		c.Close()
	}
	if code, text := a.call(t, "GET", "/healthz", ""); code != http.StatusOK {
		t.Errorf("%d, %s", code, text)
	}
}

// metric is the value of a series.
func metric(t *testing.T, text, series string) (v float64) {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			fmt.Sscan(rest, &v)
			return v
		}
	}
	t.Errorf("no %s", series)
	return 0
}

// While it drains relay is alive and not ready.
func TestAdminNotReadyWhileDraining(t *testing.T) {
	t.Parallel()
	a := startAdmin(t, setup{edit: func(c *harness.Config) { c.Engine["drain_timeout"] = "60s" }}, false)
	p := a.open(t)
	if code, _ := a.call(t, "GET", "/readyz", ""); code != 200 {
		t.Error(code)
	}
	draining(t, a.rig, syscall.SIGTERM)
	if code, body := a.call(t, "GET", "/readyz", ""); code != 503 || body != "draining\n" {
		t.Error(code, body)
	}
	if code, _ := a.call(t, "GET", "/healthz", ""); code != 200 {
		t.Error(code)
	}
	if code, body := a.call(t, "POST", "/api/v1/reload", ""); code != 422 || !strings.Contains(body, "draining") {
		t.Error(code, body)
	}
	p.client.Close()
	p.backend.Close()
	wantExit(t, a.rig, 0)
}

// The mode of a unix socket says who may, and nobody needs a token.
func TestAdminUnix(t *testing.T) {
	t.Parallel()
	a := startAdmin(t, setup{}, true)
	path := filepath.Join(filepath.Dir(a.adminSocket(t)), "admin")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Error(info, err)
	}
	if code, body := a.call(t, "POST", "/api/v1/reload", ""); code != 200 {
		t.Error(code, body)
	}
	r, _ := http.NewRequest("POST", a.base+"/api/v1/reload", nil)
	resp, err := a.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("a form can reload: %d", resp.StatusCode)
	}
	for _, args := range [][]string{{"status"}, {"sessions"}, {"reload"}, {"backend", "drain", "web", a.servers[0].Address}} {
		if code, text := a.command(t, args...); code != 0 {
			t.Errorf("%v: %d %s", args, code, text)
		}
	}
}

func (a *adminRig) adminSocket(t *testing.T) string {
	t.Helper()
	return strings.TrimPrefix(a.Message(t, "admin listening").Address, "unix:")
}

// The admin interface comes, moves and goes with a reload.
func TestAdminReload(t *testing.T) {
	t.Parallel()
	a := startAdmin(t, setup{}, true)
	text, err := os.ReadFile(a.File())
	if err != nil {
		t.Fatal(err)
	}
	old := a.adminSocket(t)
	moved := strings.Replace(string(text), old, old+"2", 1)
	before := len(a.Journal.Lines())
	a.Reload(t, moved)
	line := a.Since(t, before, "the new address", func(l harness.Line) bool { return l.Message == "admin listening" })
	if line.Address != "unix:"+old+"2" {
		t.Error(line.Raw)
	}
	harness.Eventually(t, "the old socket is gone", func() (bool, any) {
		_, err := os.Stat(old)
		return os.IsNotExist(err), err
	})
	if c, err := peer.Dial("unix:" + old + "2"); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	a.Reload(t, string(text))
}

// The commands say what they did, and what to do when they cannot.
func TestAdminCommands(t *testing.T) {
	t.Parallel()
	a := startAdmin(t, setup{}, false)
	p := a.open(t)
	p.ping(t)
	id := state[listed](t, a, "/sessions").Items[0].ID
	backend := a.servers[0].Address
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"status"}, 0, "1 session open"},
		{[]string{"status", "--json"}, 0, `"listeners": [`},
		{[]string{"sessions", "--backend", backend}, 0, id},
		{[]string{"sessions", "--listener", "other"}, 0, "No such sessions"},
		{[]string{"sessions", "--sort", "size"}, 1, "rate, bytes, age and idle"},
		{[]string{"backend", "weight", "web", backend, "7"}, 0, "weight 7"},
		{[]string{"backend", "weight", "web", backend, "heavy"}, 2, "a number from 0 to 256"},
		{[]string{"backend", "drain", "web", "192.0.2.1:1"}, 1, "no such backend"},
		{[]string{"backend", "drain", "web", backend}, 0, "drained"},
		{[]string{"backend", "enable", "web", backend}, 0, "enabled"},
		{[]string{"session", "reset", id}, 0, "is reset"},
		{[]string{"session", "reset", id}, 1, "no such session"},
		{[]string{"reload"}, 0, "in force"},
	} {
		if code, text := a.command(t, c.args...); code != c.code || !strings.Contains(text, c.want) {
			t.Errorf("relay %v: exit code %d, want %d with %q:\n%s", c.args, code, c.code, c.want, text)
		}
	}
	wantCutOff(t, p.client)
	good, _ := os.ReadFile(a.File())
	a.Rewrite(t, "speed = 9\n"+string(good))
	if code, text := a.command(t, "reload"); code != 1 || !strings.Contains(text, "speed: unknown key") || !strings.Contains(text, "Nothing has changed") {
		t.Error(code, text)
	}
	if code, text := a.command(t, "status"); code != 0 || !strings.Contains(text, "was refused") {
		t.Error(code, text)
	}
	a.token = "a wrong token, which is long enough"
	if code, text := a.command(t, "reload"); code != 1 || !strings.Contains(text, "--token-file") {
		t.Error(code, text)
	}
}

// Without an admin interface, or without a relay, the commands say so.
func TestAdminCommandsWithoutRelay(t *testing.T) {
	t.Parallel()
	c := harness.Proxy("127.0.0.1:1")
	for _, want := range []string{"[admin]", "nobody answers"} {
		out := harness.Run(t, "status", "--config", harness.WriteConfig(t, c.String()))
		if out.Code != 1 || !strings.Contains(out.Stderr, want) {
			t.Errorf("%d %s, want %q", out.Code, out.Stderr, want)
		}
		c.Admin = harness.Table{"listen": "127.0.0.1:1"}
	}
}

// A reload keeps what is known of all that stays: an order given to a backend, and the
// counters of a listener. A backend that is gone and comes back is a new one.
func TestReloadKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	one, two := greeter(t, "one"), greeter(t, "two")
	var c *harness.Config
	a := startAdmin(t, setup{edit: func(edited *harness.Config) {
		c = edited.SetBackends(one.Address, two.Address)
	}}, false)
	web := a.Address(t, "web")
	wantGreeting(t, web, "one", "two")
	if code, text := a.call(t, "POST", "/api/v1/upstreams/web/backends/"+one.Address+"/drain", ""); code != 204 {
		t.Fatal(code, text)
	}
	c.Listener()["idle_timeout"] = "5m"
	a.Reload(t, c.String())
	for range 4 {
		wantGreeting(t, web, "two")
	}
	_, text := a.call(t, "GET", "/metrics", "")
	if n := metric(t, text, `relay_sessions_accepted_total{listener="web"}`); n != 5 {
		t.Errorf("%.0f sessions counted, want 5", n)
	}
	if n := metric(t, text, `relay_reloads_total{outcome="applied"}`); n != 1 {
		t.Errorf("%.0f reloads counted, want 1", n)
	}
	a.Reload(t, c.SetBackends(two.Address).String())
	a.Reload(t, c.SetBackends(one.Address, two.Address).String())
	harness.Eventually(t, "the backend that came back serves", func() (bool, any) {
		got, err := greeting(web)
		return got == "one", fmt.Sprint(got, err)
	})
}

package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// call asks a relay on a unix socket.
func call(t *testing.T, r Relay, method, path, body string) (int, string) {
	t.Helper()
	s := testServer("unix", r)
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set(HeaderName, "1")
	w := httptest.NewRecorder()
	s.guard(s.routes()).ServeHTTP(w, req)
	return w.Code, w.Body.String()
}

func TestActions(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/upstreams/web/backends/unix:%2Fa%2Fb/drain", "", 204},
		{"POST", "/upstreams/web/backends/unix:%2Fa%2Fb/enable", "", 204},
		{"POST", "/upstreams/web/backends/x/drain", "", 404},
		{"PUT", "/upstreams/web/backends/10.0.0.1:80/weight", `{"weight":256}`, 204},
		{"PUT", "/upstreams/web/backends/10.0.0.1:80/weight", `{"weight":null}`, 204},
		{"PUT", "/upstreams/web/backends/10.0.0.1:80/weight", `{"weight":257}`, 400},
		{"PUT", "/upstreams/web/backends/10.0.0.1:80/weight", `{"wieght":1}`, 400},
		{"PUT", "/upstreams/web/backends/10.0.0.2:80/weight", `{"weight":1}`, 404},
		{"PUT", "/log/level", `{"level":"debug"}`, 204},
		{"PUT", "/log/level", `{"level":"loud"}`, 400},
		{"PUT", "/log/level", strings.Repeat(" ", bodyMost+1), 400},
		{"DELETE", "/sessions/z", "", 204},
		{"DELETE", "/sessions/y", "", 404},
		{"DELETE", "/sessions/-", "", 404},
		{"POST", "/reload", "", 200},
		{"GET", "/sessions?sort=size", "", 400},
		{"GET", "/sessions?limit=0", "", 400},
		{"GET", "/nothing", "", 404},
	} {
		if code, body := call(t, calm(), c.method, "/api/v1"+c.path, c.body); code != c.want || code >= 400 && !strings.Contains(body, `"error"`) {
			t.Errorf("%s %s %.40s: %d %s, want %d", c.method, c.path, c.body, code, body, c.want)
		}
	}
}

func TestRefusedReload(t *testing.T) {
	r := calm()
	r.Reload = func() Reload { return Reload{Errors: []string{"no"}} }
	if code, body := call(t, r, "POST", "/api/v1/reload", ""); code != 422 || !strings.Contains(body, `"errors":["no"]`) {
		t.Error(code, body)
	}
}

func TestReadyOnlyWhileServing(t *testing.T) {
	r := calm()
	for state, want := range map[string]int{"starting": 503, "serving": 200, "draining": 503} {
		r.State = func() State { return State{Status: Status{State: state}} }
		if code, body := call(t, r, "GET", "/readyz", ""); code != want {
			t.Error(state, code, body)
		}
		if code, _ := call(t, r, "GET", "/healthz", ""); code != 200 {
			t.Error(state, code)
		}
	}
}

func TestSessionsAreFilteredSortedAndPaged(t *testing.T) {
	r := calm()
	r.Sessions = func() (all []Session) {
		for i := range 250 {
			all = append(all, Session{
				ID: fmt.Sprint(i), Listener: []string{"a", "b"}[i%2], Client: fmt.Sprintf("10.0.%d.1:5", i%3),
				Bytes: Bytes{Up: uint64(i)}, Age: 1,
			})
		}
		return all
	}
	var p listPage[Session]
	_, body := call(t, r, "GET", "/api/v1/sessions?sort=bytes&listener=b&client=10.0.1.&from=10&limit=5", "")
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatal(err)
	}
	if p.Total != 42 || len(p.Items) != 5 || p.Items[0].Bytes.Up != 247-6*10 || p.Items[4].Bytes.Up != 247-6*14 {
		t.Errorf("%+v", p)
	}
}

func TestRateIsThatOfNow(t *testing.T) {
	var rs rates
	one := func(bytes uint64) float64 {
		return rs.of([]Session{{ID: "x", Bytes: Bytes{Down: bytes}, Age: 10}})[0].Rate
	}
	if got := one(1000); got != 100 {
		t.Errorf("first seen: %v, want the mean", got)
	}
	if got := one(5000); got != 100 {
		t.Errorf("asked again at once: %v, want the same", got)
	}
	rs.at = rs.at.Add(-2 * time.Second)
	if got := one(5000); got < 1900 || got > 2000 {
		t.Errorf("two seconds later: %v, want 2000", got)
	}
	rs.at = rs.at.Add(-time.Hour)
	if got := one(5000); got != 500 {
		t.Errorf("an hour later: %v, want the mean", got)
	}
}

// The description names every route of the API, and none that is not there.
func TestDescriptionCoversEveryRoute(t *testing.T) {
	text, err := files.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct{ Summary string }
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, what := range methods {
			described[strings.ToUpper(method)+" /api/v1"+path] = true
			if what.Summary == "" {
				t.Errorf("%s %s has no summary", method, path)
			}
		}
	}
	for _, r := range testServer("unix", calm()).table() {
		if !strings.Contains(r.pattern, "/api/") {
			continue
		}
		if !described[r.pattern] {
			t.Errorf("%s is not described", r.pattern)
		}
		delete(described, r.pattern)
	}
	for left := range described {
		t.Errorf("%s is described and not there", left)
	}
}

// full is a state with one of everything.
func full() State {
	since := time.Now()
	return State{
		Status:    Status{State: "serving", Version: "v", Loops: []Loop{{Rounds: make([]uint64, 16)}, {Rounds: make([]uint64, 16)}}},
		Listeners: []Listener{{Name: "<web>", Addresses: []string{"127.0.0.1:1"}, Ended: map[string]uint64{"complete": 3}, Bytes: Bytes{Up: 5}, SplicedUp: 2}},
		Upstreams: []Upstream{{Name: "u", Backends: []Backend{{Address: "a:1", State: "down", Why: "<refused>", Since: &since}}}},
		Drops:     []Drop{{Name: "d", Ended: map[string]uint64{"complete": 1}, Status: map[int]uint64{200: 1}}},
	}
}

func TestMetrics(t *testing.T) {
	r := calm()
	r.State = full
	_, body := call(t, r, "GET", "/metrics", "")
	for _, want := range []string{
		`relay_bytes_total{direction="up",listener="<web>",way="copied"} 3`,
		`relay_sessions_ended_total{listener="<web>",reason="complete"} 3`,
		`relay_backend_up{backend="a:1",upstream="u"} 0`,
		`relay_drop_requests_total{drop="d",status="200"} 1`,
		`relay_loop_round_seconds_bucket{loop="1",le="+Inf"} 0`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Error(err, problems)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector{r})
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
}

// The page is whole without its script, and shows names as text.
func TestPageWithoutScript(t *testing.T) {
	r := calm()
	r.State = full
	code, body := call(t, r, "GET", "/", "")
	for _, want := range []string{"&lt;web&gt;", "&lt;refused&gt;", "127.0.0.1:1", `class="health down"`} {
		if code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%d, no %s", code, want)
		}
	}
	for _, never := range []string{"<web>", "https://", "style=", "onclick"} {
		if strings.Contains(body, never) {
			t.Errorf("%s stands in the page", never)
		}
	}
	for _, asset := range []string{"/page.js", "/page.css", "/api/v1/openapi.json"} {
		if code, body := call(t, r, "GET", asset, ""); code != 200 || len(body) < 100 {
			t.Error(asset, code)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[float64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 31_700: "31.7 kB", 268_435_456: "268 MB", 1.5e9: "1.5 GB", 999_950: "1.0 MB"} {
		if got := Size(n); got != want {
			t.Errorf("%v: %q, want %q", n, got, want)
		}
	}
}

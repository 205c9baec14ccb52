package test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// patient is a server whose checks it counts, by how they end.
type patient struct {
	*peer.Server
	sick          atomic.Bool
	fins, resets  atomic.Int64
	asked, others atomic.Int64
}

// newPatient answers "GET /healthz" by how it feels, and echoes everything else.
func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{}
	p.Server = serve(t, "127.0.0.1:0", func(c *peer.Conn) {
		in := bufio.NewReader(c)
		if head, err := in.Peek(1); err != nil || head[0] != 'G' {
			p.others.Add(1)
			_, _ = io.Copy(c, in)
			return
		}
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		p.asked.Add(1)
		answer := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfine\n"
		if p.sick.Load() {
			answer = "HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nsick\n"
		}
		_, _ = io.WriteString(c, answer)
		if _, err := io.Copy(io.Discard, in); err == nil {
			p.fins.Add(1)
		} else if !errors.Is(err, io.EOF) {
			p.resets.Add(1)
		}
	})
	return p
}

// clinic is a rig in front of patients, who are checked over HTTP.
func clinic(t *testing.T, n int, edit func(*harness.Config)) (*rig, []*patient) {
	t.Helper()
	patients := make([]*patient, n)
	addresses := make([]string, n)
	for i := range patients {
		patients[i] = newPatient(t)
		addresses[i] = patients[i].Address
	}
	r := setup{edit: func(c *harness.Config) {
		c.SetBackends(addresses...)
		check := checks()
		check["type"], check["path"] = "http", "/healthz"
		c.Upstream()["health_check"] = check
		if edit != nil {
			edit(c)
		}
	}}.start(t)
	return r, patients
}

// ask is a session with a few bytes; it returns its backend.
func (r *rig) ask(t *testing.T) string {
	t.Helper()
	client, err := echoed(r.Address(t, "web"))
	must(t, "a session", err)
	return r.Session(t, client).Backend
}

// sicken makes a patient ill, or well, and waits until that is known.
func (p *patient) sicken(t *testing.T, r *rig, sick bool) {
	t.Helper()
	p.sick.Store(sick)
	message := "backend up"
	if sick {
		message = "backend down"
	}
	r.stateLine(t, message, p.Address)
}

// A backend that answers badly gets no sessions until it answers well again; each change
// is logged once, and no check ends in a reset.
func TestHealthCheck(t *testing.T) {
	t.Parallel()
	r, patients := clinic(t, 2, nil)
	seen := map[string]int{}
	for range 4 {
		seen[r.ask(t)]++
	}
	if len(seen) != 2 {
		t.Errorf("both are well: %v", seen)
	}
	patients[0].sicken(t, r, true)
	for range 6 {
		if got := r.ask(t); got != patients[1].Address {
			t.Fatalf("a session went to %s, which is down", got)
		}
	}
	line := r.stateLine(t, "backend down", patients[0].Address)
	if why := line.Field("why"); why != `answered "503 No"` {
		t.Errorf("why: %v", why)
	}
	patients[0].sicken(t, r, false)
	if a, b := r.ask(t), r.ask(t); a == b {
		t.Errorf("after its return both sessions went to %s", a)
	}
	changes := 0
	for _, l := range r.Journal.Lines() {
		if l.Message == "backend up" || l.Message == "backend down" {
			changes++
		}
	}
	if changes != 2 {
		t.Errorf("%d lines about changes, want 2", changes)
	}
	harness.Eventually(t, "checks end", func() (bool, any) { return patients[0].fins.Load() > 3, patients[0].fins.Load() })
	if n := patients[0].resets.Load() + patients[1].resets.Load(); n > 0 {
		t.Errorf("%d checks ended in a reset", n)
	}
}

// A backend that is down when relay starts gets no session at all.
func TestDownAtTheStart(t *testing.T) {
	t.Parallel()
	live := serve(t, "127.0.0.1:0", echo)
	r := setup{edit: func(c *harness.Config) {
		c.SetBackends(refusing(t), live.Address)
		c.Upstream()["health_check"] = checks()
	}}.start(t)
	for range 4 {
		client, err := echoed(r.Address(t, "web"))
		must(t, "a session", err)
		if s := r.Session(t, client); s.Retries != 0 || s.Backend != live.Address {
			t.Errorf("%+v", s)
		}
	}
}

func TestBackupStandsIn(t *testing.T) {
	t.Parallel()
	r, patients := clinic(t, 2, func(c *harness.Config) { c.Backend(1)["backup"] = true })
	for range 3 {
		if got := r.ask(t); got != patients[0].Address {
			t.Errorf("a session went to the backup")
		}
	}
	patients[0].sicken(t, r, true)
	if got := r.ask(t); got != patients[1].Address {
		t.Errorf("a session went to %s, want the backup", got)
	}
	patients[0].sicken(t, r, false)
	if got := r.ask(t); got != patients[0].Address {
		t.Errorf("with the first one back, a session went to the backup")
	}
}

func TestPanicUsesAll(t *testing.T) {
	t.Parallel()
	r, patients := clinic(t, 3, func(c *harness.Config) { c.Upstream()["panic_threshold"] = 50 })
	patients[0].sicken(t, r, true)
	patients[1].sicken(t, r, true)
	seen := map[string]bool{}
	for range 6 {
		seen[r.ask(t)] = true
	}
	if len(seen) != 3 {
		t.Errorf("one of three is up: sessions went to %v, want all", seen)
	}
}

func TestAllDown(t *testing.T) {
	t.Parallel()
	r, patients := clinic(t, 1, nil)
	patients[0].sicken(t, r, true)
	r.wantRefused(t, "", r.Address(t, "web"), "no_backend")
}

// on_down says what becomes of sessions that run on a backend when it goes down.
func TestOnDown(t *testing.T) {
	for _, then := range []string{"keep", "reset"} {
		t.Run(then, func(t *testing.T) {
			t.Parallel()
			r, patients := clinic(t, 1, func(c *harness.Config) { c.Upstream()["on_down"] = then })
			c := r.dial(t)
			mark(t, c, 'a')
			marked(t, c)
			patients[0].sicken(t, r, true)
			if then == "reset" {
				wantCutOff(t, c)
				r.wantReason(t, c, "backend_down")
				return
			}
			mark(t, c, 'b')
			marked(t, c)
		})
	}
}

func TestSlowStart(t *testing.T) {
	t.Parallel()
	r, patients := clinic(t, 2, func(c *harness.Config) { c.Upstream()["slow_start"] = "3s" })
	patients[0].sicken(t, r, true)
	patients[0].sicken(t, r, false)
	back := time.Now()
	early := 0
	for range 40 {
		if r.ask(t) == patients[0].Address {
			early++
		}
	}
	if took := time.Since(back); took < time.Second && early > 10 {
		t.Errorf("%d of 40 sessions in the first %v went to the one that came back", early, took)
	}
	harness.Eventually(t, "its full share", func() (bool, any) {
		n := 0
		for range 10 {
			if r.ask(t) == patients[0].Address {
				n++
			}
		}
		return n == 5, n
	})
}

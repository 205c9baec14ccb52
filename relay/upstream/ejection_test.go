package upstream

import (
	"testing"
	"time"

	"relay/config"
)

func ejecting(failures, share int) config.Upstream {
	return checked(config.Upstream{Ejection: &config.Ejection{
		Failures: failures, Time: 10 * time.Second, TimeMax: time.Minute, ShareMax: share,
	}})
}

func fail(b *Backend, n int) {
	for range n {
		b.ConnectFailed("refused")
	}
}

// out is for how long the backend is out, from now.
func (p pool) out(b *Backend) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !b.ejection.on {
		return 0
	}
	return b.ejection.until.Sub(p.now)
}

func TestEjectionNeedsFailuresInARow(t *testing.T) {
	p := newPool(t, ejecting(3, 50), 1, 1)
	b := p.at(0)
	fail(b, 2)
	b.Connected()
	fail(b, 2)
	if p.out(b) != 0 {
		t.Error("ejected, and a connect went well in between")
	}
	fail(b, 1)
	if p.out(b) != 10*time.Second {
		t.Errorf("after three: out for %v", p.out(b))
	}
	if got := p.counts(t, 4); got[0] != 0 {
		t.Errorf("picks: %v", got)
	}
	if v := b.View(); v.State != "ejected" || v.Why == "" {
		t.Errorf("view: %+v", v)
	}
}

func TestEjectionForResets(t *testing.T) {
	p := newPool(t, ejecting(2, 50), 1, 1)
	b := p.at(0)
	b.Cut()
	b.Connected() // a connect that goes well says nothing about them
	b.Served()
	b.Cut()
	if p.out(b) != 0 {
		t.Error("ejected, and a session was served in between")
	}
	b.Connected()
	b.Cut()
	if p.out(b) == 0 {
		t.Error("not ejected after two")
	}
}

func TestEjectionTimeGrowsAndIsForgotten(t *testing.T) {
	p := newPool(t, ejecting(1, 50), 1, 1)
	b := p.at(0)
	for _, want := range []time.Duration{10, 20, 40, 60, 60} {
		fail(b, 1)
		if got := p.out(b); got != want*time.Second {
			t.Fatalf("out for %v, want %v", got, want*time.Second)
		}
		p.pass(want*time.Second - 1)
		if p.tick(p.now); p.out(b) == 0 {
			t.Fatal("back too early")
		}
		p.pass(1)
		if p.tick(p.now); p.out(b) != 0 {
			t.Fatal("not back in time")
		}
	}
	p.pass(61 * time.Second)
	if fail(b, 1); p.out(b) != 10*time.Second {
		t.Errorf("after doing well: out for %v", p.out(b))
	}
}

func TestEjectionSparesAShare(t *testing.T) {
	p := newPool(t, ejecting(1, 50), 1, 1, 1)
	for i := range 3 {
		fail(p.at(i), 5)
	}
	if n := len(p.ejected); n != 1 {
		t.Errorf("%d of 3 are out, half may be", n)
	}
	alone := newPool(t, ejecting(1, 50), 1)
	if fail(alone.at(0), 9); len(alone.ejected) != 0 {
		t.Error("the only backend is out")
	}
}

func TestAGoodCheckEndsAnEjection(t *testing.T) {
	p := newPool(t, ejecting(1, 50), 1, 1)
	b := p.at(0)
	b.Checked("")
	fail(b, 1)
	b.Checked("") // it was up for the checks all the time: no news
	if p.out(b) == 0 {
		t.Error("back, and nothing has changed")
	}
	b.Checked("down")
	b.Checked("")
	if p.out(b) != 0 {
		t.Error("still out, and the checks saw it come up")
	}
}

func TestHealthNeedsAgreement(t *testing.T) {
	p := newPool(t, config.Upstream{HealthCheck: &config.HealthCheck{Fall: 3, Rise: 2}}, 1)
	b := p.at(0)
	for i, step := range []struct {
		outcome string
		up      bool
	}{
		{"", true},
		{"a", true},
		{"b", true},
		{"", true}, // not in a row
		{"a", true},
		{"b", true},
		{"c", false},
		{"d", false},
		{"", false},
		{"e", false},
		{"", false},
		{"", true},
	} {
		b.Checked(step.outcome)
		if up := b.View().State == "up"; up != step.up {
			t.Fatalf("step %d, %q: up %v", i, step.outcome, up)
		}
	}
}

func TestTheFirstCheckDecides(t *testing.T) {
	p := newPool(t, config.Upstream{HealthCheck: &config.HealthCheck{Fall: 3, Rise: 2}}, 1, 1)
	p.at(0).Checked("refused")
	if v := p.at(0).View(); v.State != "down" || v.Why != "refused" {
		t.Errorf("%+v", v)
	}
}

func TestOnDown(t *testing.T) {
	for _, then := range []config.OnDown{config.KeepSessions, config.ResetSessions} {
		c := checked(config.Upstream{OnDown: then})
		p := newPool(t, c, 1, 1)
		var told []*Backend
		p.OnDown = func(b *Backend) { told = append(told, b) }
		p.at(1).Checked("down")
		p.at(1).Checked("down")
		if want := then == config.ResetSessions; (len(told) == 1 && told[0] == p.at(1)) != want {
			t.Errorf("%v: told of %v", then, told)
		}
	}
}

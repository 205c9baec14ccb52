package upstream

import (
	"errors"
	"testing"
	"time"

	"relay/config"
)

// checked is an upstream that one failure takes down and one success up.
func checked(c config.Upstream) config.Upstream {
	c.HealthCheck = &config.HealthCheck{Fall: 1, Rise: 1}
	return c
}

func withBackup(n int) config.Upstream {
	c := checked(config.Upstream{})
	for i := range n {
		c.Backends = append(c.Backends, config.Backend{Address: address(i), Weight: 1, Backup: i == n-1})
	}
	return c
}

func TestBackupsStandIn(t *testing.T) {
	p := poolOf(t, withBackup(3))
	if got := p.picks(t, 4); got != "0101" {
		t.Errorf("all up: %s", got)
	}
	p.at(0).Checked("down")
	if got := p.picks(t, 2); got != "11" {
		t.Errorf("one down: %s", got)
	}
	p.at(1).Checked("down")
	if got := p.picks(t, 2); got != "22" {
		t.Errorf("both down: %s", got)
	}
	p.at(0).Checked("")
	if got := p.picks(t, 2); got != "00" {
		t.Errorf("one up again: %s", got)
	}
}

func TestBackupsServeWhoTriedTheRest(t *testing.T) {
	p := poolOf(t, withBackup(3))
	if b := p.pick(t, 0, p.at(0), p.at(1)); b.place != 2 {
		t.Errorf("after both: backend %d", b.place)
	}
	if _, err := p.Pick(Key{}, p.Backends()); !errors.Is(err, ErrNoBackend) {
		t.Errorf("after all: %v", err)
	}
	if got := p.picks(t, 4); got != "0101" {
		t.Errorf("the next sessions: %s", got)
	}
}

func TestBackupsTakeNoOverflow(t *testing.T) {
	c := withBackup(2)
	c.Backends[0].SessionsMax = 1
	p := poolOf(t, c)
	p.pick(t, 0)
	if _, err := p.Pick(Key{}, nil); !errors.Is(err, ErrFull) {
		t.Errorf("full: %v, want ErrFull", err)
	}
}

func TestPanic(t *testing.T) {
	p := newPool(t, checked(config.Upstream{PanicThreshold: 50}), 1, 1, 1, 1)
	p.SetDrained(p.at(3), true) // and so no part of the share
	p.at(0).Checked("down")
	if got := p.picks(t, 4); got != "1212" {
		t.Errorf("two of three up: %s", got)
	}
	p.at(1).Checked("down")
	if got := p.counts(t, 6); len(got) != 3 || got[3] != 0 {
		t.Errorf("one of three up: %v, want all three", got)
	}
	p.at(2).Checked("down")
	if got := p.counts(t, 6); len(got) != 3 {
		t.Errorf("none up: %v, want all three", got)
	}
	p.at(0).Checked("")
	p.at(1).Checked("")
	if got := p.counts(t, 6); got[2] != 0 {
		t.Errorf("two up again: %v", got)
	}
}

func TestNoPanicByDefault(t *testing.T) {
	p := newPool(t, checked(config.Upstream{}), 1)
	p.at(0).Checked("down")
	if _, err := p.Pick(Key{}, nil); !errors.Is(err, ErrNoBackend) {
		t.Errorf("all down: %v, want ErrNoBackend", err)
	}
}

func TestSlowStart(t *testing.T) {
	for _, balance := range []config.Balance{config.RoundRobin, config.LeastConnections, config.Random} {
		p := newPool(t, checked(config.Upstream{Balance: balance, SlowStart: 10 * time.Second}), 1, 1)
		if got := p.counts(t, 100); got[0] < 20 && balance != config.Random {
			t.Errorf("%v: slow at the very start: %v", balance, got)
		}
		p.at(1).Checked("down")
		p.at(1).Checked("")
		var on []*Backend
		for range 200 {
			on = append(on, p.pick(t, 0))
		}
		if n := p.at(1).Load(); n > 8 {
			t.Errorf("%v: at once after its return it gets %d of 200", balance, n)
		}
		p.pass(5 * time.Second)
		if next := p.tick(p.now); next != warmStep {
			t.Errorf("%v: the next step in %v", balance, next)
		}
		half := p.at(1).shareAt(p.now, 10*time.Second)
		if half != fullShare/2 {
			t.Errorf("%v: half way its share is %d", balance, half)
		}
		p.pass(5 * time.Second)
		p.tick(p.now)
		if p.at(1).share != fullShare || len(p.warming) != 0 {
			t.Errorf("%v: in the end its share is %d", balance, p.at(1).share)
		}
		for _, b := range on {
			b.Leave()
		}
	}
}

func TestUpdateKeepsWhatStays(t *testing.T) {
	p := newPool(t, checked(config.Upstream{}), 1, 1, 1)
	first, last := p.at(0), p.at(2)
	p.at(1).Checked("down")
	held := p.pick(t, 0)
	c := *p.Config()
	c.Balance = config.LeastConnections
	c.Backends = []config.Backend{c.Backends[1], c.Backends[0], {Address: address(9), Weight: 1}}
	if err := p.Update(c); err != nil {
		t.Fatal(err)
	}
	if p.at(1) != first || held != first || first.Load() != 1 {
		t.Error("the first backend is another one")
	}
	if p.Find(last.Name) != nil || p.at(0).View().State != "down" {
		t.Error("the last one is still there, or the second forgot that it is down")
	}
	if got := p.counts(t, 20); got[0] != 0 || got[2] != 20 {
		t.Errorf("picks by place: %v, want the idle new one only", got)
	}
	held.Leave()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tiers[0].load != 0 {
		t.Errorf("load %d", p.tiers[0].load)
	}
}

func TestARemovedBackendKeepsItsSessions(t *testing.T) {
	p := newPool(t, config.Upstream{}, 1, 1)
	held := p.pick(t, 0)
	c := *p.Config()
	c.Backends = c.Backends[1:]
	if err := p.Update(c); err != nil {
		t.Fatal(err)
	}
	if held.Load() != 1 {
		t.Errorf("load %d", held.Load())
	}
	held.Leave()
	held.ConnectFailed("too late")
	held.Checked("too late")
	if got := p.counts(t, 3); got[0] != 3 {
		t.Errorf("picks: %v", got)
	}
}

// One that leaves and comes back while its sessions run is the same backend, so that they
// count for its sessions_max.
func TestABackendThatReturnsHasItsSessions(t *testing.T) {
	c := config.Upstream{Backends: []config.Backend{
		{Address: address(0), Weight: 1, SessionsMax: 1}, {Address: address(1), Weight: 1, SessionsMax: 1},
	}}
	p := poolOf(t, c)
	held := p.pick(t, 0)
	both := p.Config().Backends
	for _, backends := range [][]config.Backend{both[1:], both} {
		next := *p.Config()
		next.Backends = backends
		if err := p.Update(next); err != nil {
			t.Fatal(err)
		}
	}
	if p.at(0) != held || held.Load() != 1 || len(p.leaving) != 0 {
		t.Error("it is another backend now")
	}
	if b := p.pick(t, 0); b.place != 1 {
		t.Error("its limit is forgotten")
	}
}

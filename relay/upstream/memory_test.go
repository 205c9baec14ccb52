package upstream

import (
	"encoding/json"
	"testing"
	"time"

	"relay/config"
)

// learned is a pool that has been through something, and what it remembers, as it
// arrives in another process.
func learned(t *testing.T, c config.Upstream) (pool, Memory) {
	t.Helper()
	p := newPool(t, c, 1, 2, 3)
	all := p.Backends()
	for range 6 {
		if _, err := p.Pick(Key{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	all[0].Checked("refused")
	p.SetDrained(all[1], true)
	p.SetWeight(all[2], 9)
	for range 3 {
		all[2].ConnectFailed("refused")
	}
	text, err := json.Marshal(p.Memory())
	if err != nil {
		t.Fatal(err)
	}
	var m Memory
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return p, m
}

func watchful() config.Upstream {
	return config.Upstream{
		HealthCheck: &config.HealthCheck{Fall: 3, Rise: 2},
		Ejection:    &config.Ejection{Failures: 3, Time: time.Minute, TimeMax: time.Hour, ShareMax: 100},
	}
}

// Another process goes on with health, ejections, orders, counters and loads.
func TestRecall(t *testing.T) {
	before, m := learned(t, watchful())
	after := newPool(t, watchful(), 1, 2, 3)
	for range 2 { // the second time changes nothing
		after.Recall(m)
		for i, b := range after.Backends() {
			if was, is := before.Backends()[i].View(), b.View(); !was.Since.Equal(is.Since) {
				t.Errorf("since %v, and before %v", is.Since, was.Since)
			} else if was.Since = is.Since; was != is {
				t.Errorf("%+v, and before %+v", is, was)
			}
		}
	}
	if b, err := after.Pick(Key{}, nil); err == nil {
		t.Errorf("%s takes a session", b.Name)
	}
	after.pass(time.Hour)
	after.tick(after.now)
	if b, err := after.Pick(Key{}, nil); err != nil || b != after.Backends()[2] {
		t.Errorf("after the ejection: %v, %v", b, err)
	}
}

// Where this configuration has no checks and no ejection, what they found means nothing;
// an order holds for as long as the weight is the one that was overruled.
func TestRecallUnderAnotherConfiguration(t *testing.T) {
	_, m := learned(t, watchful())
	after := newPool(t, config.Upstream{}, 1, 2, 4)
	after.Recall(m)
	all := after.Backends()
	for i, want := range []string{"up", "drained", "up"} {
		if got := all[i].View().State; got != want {
			t.Errorf("backend %d is %s, want %s", i, got, want)
		}
	}
	if w := all[2].View().Weight; w != 4 {
		t.Errorf("weight %d, want 4", w)
	}
}

// Sessions of the other process are load here from the start, and no more than once when
// they arrive; those that never do are taken off.
func TestElsewhere(t *testing.T) {
	u := newPool(t, config.Upstream{}, 1)
	b := u.Backends()[0]
	load := func(want int) {
		t.Helper()
		if got := b.Load(); got != want {
			t.Errorf("load %d, want %d", got, want)
		}
	}
	u.Recall(Memory{Backends: []BackendMemory{{Name: b.Name, Sessions: 3, Weight: 1, Override: -1}}})
	load(3)
	if u.Arrive(b.Name) != b {
		t.Error("another backend")
	}
	load(3)
	u.Elsewhere(map[string]int{b.Name: 1})
	load(2)
	u.Elsewhere(nil)
	load(1)
	u.Arrive(b.Name) // late
	load(2)
	b.Leave()
	b.Leave()
	load(0)
	stranger := u.Arrive("10.9.9.9:80")
	if stranger.Load() != 1 || u.Find("10.9.9.9:80") != nil {
		t.Error("a backend that is no member takes sessions")
	}
	stranger.Leave()
}

// While its sessions move away, nobody in the queue gets a place that is free here alone.
func TestHoldQueue(t *testing.T) {
	u := poolOf(t, config.Upstream{QueueMax: 1, Backends: []config.Backend{{Address: address(0), Weight: 1, SessionsMax: 1}}})
	b, err := u.Pick(Key{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	served := 0
	if _, _, err := u.Wait(Key{}, nil, func(*Waiter, *Backend) { served++ }); err != nil {
		t.Fatal(err)
	}
	u.HoldQueue(true)
	b.Leave()
	if served != 0 {
		t.Error("served while the queue is held")
	}
	u.HoldQueue(false)
	if served != 1 {
		t.Error("not served after that")
	}
	b.Leave()
}

package test

import (
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

func ejectAfter(n int) harness.Table {
	return harness.Table{"failures": n, "time": "300ms", "time_max": "1m"}
}

// A backend that refuses session after session is left out for a while, without any
// health check, and then gets its chance.
func TestEjectionForRefusals(t *testing.T) {
	t.Parallel()
	live, dead := serve(t, "127.0.0.1:0", echo), refusing(t)
	r := setup{edit: func(c *harness.Config) {
		c.SetBackends(dead, live.Address)
		c.Upstream()["ejection"] = ejectAfter(3)
	}}.start(t)
	for range 6 {
		r.ask(t)
	}
	r.stateLine(t, "backend ejected", dead)
	retries := 0
	for _, s := range r.Sessions() {
		retries += s.Retries
	}
	if retries != 3 {
		t.Errorf("%d retries until it was ejected, want 3", retries)
	}
	r.stateLine(t, "backend back from ejection", dead)
}

// So is one that takes sessions and resets them before it says a word.
func TestEjectionForEarlyResets(t *testing.T) {
	t.Parallel()
	live := serve(t, "127.0.0.1:0", echo)
	rude := serve(t, "127.0.0.1:0", func(c *peer.Conn) { _ = c.Reset() })
	r := setup{edit: func(c *harness.Config) {
		c.SetBackends(rude.Address, live.Address)
		c.Upstream()["ejection"] = ejectAfter(2)
	}}.start(t)
	for range 5 {
		_, _ = echoed(r.Address(t, "web"))
	}
	r.stateLine(t, "backend ejected", rude.Address)
}

package test

import (
	"testing"

	"relay/test/harness"
)

// One source may have so many sessions, whatever others have; a place that is left is
// free again.
func TestSessionsMaxPerSource(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) { c.Listener()["sessions_max_per_source"] = 2 }}.start(t)
	first, second := r.open(t), r.open(t)
	r.wantRefused(t, "", r.Address(t, "web"), "source_limit")
	other := pair{r.dialFrom(t, "127.0.0.9:0", r.Address(t, "web")), r.accept(t, 0)}
	other.ping(t)
	first.client.Close()
	first.backend.Close()
	r.Session(t, first.client.LocalAddr().String())
	r.open(t).ping(t)
	second.ping(t)
}

// New sessions of one source come at a rate, after a burst of a second's worth.
func TestSessionRatePerSource(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) { c.Listener()["session_rate_per_source"] = 3 }}.start(t)
	for range 3 {
		r.open(t).ping(t)
	}
	r.wantRefused(t, "", r.Address(t, "web"), "source_limit")
	pair{r.dialFrom(t, "127.0.0.9:0", r.Address(t, "web")), r.accept(t, 0)}.ping(t)
}

// Behind a proxy the source is the client that its header names.
func TestLimitsPerSourceBehindAProxy(t *testing.T) {
	t.Parallel()
	r := trusting(t, func(c *harness.Config) { c.Listener()["sessions_max_per_source"] = 1 })
	for _, client := range []string{"203.0.113.40:1", "203.0.113.41:1"} {
		c := r.viaProxy(t)
		write(t, c, headerFor(t, 2, client))
		pair{c, r.accept(t, 0)}.ping(t)
	}
	c := r.viaProxy(t)
	write(t, c, headerFor(t, 2, "203.0.113.40:2"))
	wantCutOff(t, c)
	r.wantReasonOf(t, "203.0.113.40:2", "source_limit")
}

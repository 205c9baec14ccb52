package test

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// ratesWithin is how exact a rate is over window.
const (
	ratesWithin = 0.03
	window      = 5 * time.Second
)

// pour writes without end, and drink reads and counts, until the connection is closed.
func pour(c *peer.Conn) {
	b := make([]byte, 256<<10)
	for {
		if _, err := c.Write(b); err != nil {
			return // the test is over
		}
	}
}

func drink(c *peer.Conn, n *atomic.Int64) {
	b := make([]byte, 256<<10)
	for {
		m, err := c.Read(b)
		n.Add(int64(m))
		if err != nil {
			return // the test is over
		}
	}
}

// pouring starts a flow that goes as fast as it may, and counts what arrives.
func pouring(t *testing.T, from, to *peer.Conn) *atomic.Int64 {
	t.Helper()
	var n atomic.Int64
	var both sync.WaitGroup
	both.Go(func() { pour(from) })
	both.Go(func() { drink(to, &n) })
	t.Cleanup(both.Wait)
	t.Cleanup(func() { from.Close(); to.Close() })
	return &n
}

// span is a time in which something was measured, and how much of it the machine did
// not let this test run: its senders stood still then, and its readers find later what
// had come meanwhile.
type span struct {
	lasted, lost time.Duration
}

// wantRate compares what the counters gained in a time with a rate, in bytes a second.
func wantRate(t *testing.T, what string, gained int64, s span, rate float64) {
	t.Helper()
	off := float64(gained)/s.lasted.Seconds()/rate - 1
	t.Logf("%s: %+.2f %%, of %v lost %v", what, 100*off, s.lasted, s.lost)
	if math.Abs(off) > ratesWithin+2*s.lost.Seconds()/s.lasted.Seconds() {
		t.Errorf("%s: %+.2f %% off %.0f bytes a second, want %.0f %%", what, 100*off, rate, 100*ratesWithin)
	}
}

// measured runs for a window and returns what each counter gained.
func measured(counters ...*atomic.Int64) (gained []int64, s span) {
	time.Sleep(300 * time.Millisecond) // what the kernel's buffers swallow at first
	start := time.Now()
	for _, n := range counters {
		gained = append(gained, -n.Load())
	}
	for last := start; last.Sub(start) < window; {
		time.Sleep(5 * time.Millisecond)
		now := time.Now()
		s.lost += max(0, now.Sub(last)-10*time.Millisecond)
		last = now
	}
	for i, n := range counters {
		gained[i] += n.Load()
	}
	s.lasted = time.Since(start)
	return gained, s
}

// Each session has its own rate, up and down at the same time.
func TestSessionRates(t *testing.T) {
	t.Parallel()
	for _, splice := range []string{"auto", "never"} {
		t.Run(splice, func(t *testing.T) {
			t.Parallel()
			r := setup{splice: splice, edit: func(c *harness.Config) {
				c.Listener()["session_rate_up"] = "10MB"
				c.Listener()["session_rate_down"] = "2MB"
			}}.start(t)
			var counters []*atomic.Int64
			for range 3 {
				up, down := r.open(t), r.open(t)
				counters = append(counters, pouring(t, up.client, up.backend), pouring(t, down.backend, down.client))
			}
			gained, s := measured(counters...)
			for i := range 3 {
				wantRate(t, "up", gained[2*i], s, 10e6)
				wantRate(t, "down", gained[2*i+1], s, 2e6)
			}
		})
	}
}

// All sessions of a listener share its rate, on whatever loop they are, and evenly.
func TestListenerRates(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) {
		c.Engine["loops"] = 3
		c.Listener()["rate_down"] = "20MB"
		c.Listener()["rate_up"] = "5MB"
	}}.start(t)
	var up, down []*atomic.Int64
	for range 6 {
		p := r.open(t)
		down = append(down, pouring(t, p.backend, p.client))
		q := r.open(t)
		up = append(up, pouring(t, q.client, q.backend))
	}
	gained, s := measured(append(down, up...)...)
	sum := func(all []int64) (n int64) {
		for _, m := range all {
			n += m
		}
		return n
	}
	wantRate(t, "down", sum(gained[:6]), s, 20e6)
	wantRate(t, "up", sum(gained[6:]), s, 5e6)
	for i, n := range gained {
		fair := float64(sum(gained[:6])) / 6
		if i >= 6 {
			fair = float64(sum(gained[6:])) / 6
		}
		if part := float64(n) / fair; part < 0.7 || part > 1.3 {
			t.Errorf("session %d has %.2f of a fair part", i, part)
		}
	}
}

// A rate is kept in small steps.
func TestRateIsSmooth(t *testing.T) {
	t.Parallel()
	const rate = 8e6
	r := setup{edit: func(c *harness.Config) { c.Listener()["session_rate_down"] = int64(rate) }}.start(t)
	p := r.open(t)
	n := pouring(t, p.backend, p.client)
	time.Sleep(300 * time.Millisecond) // what the kernel's buffers swallow at first
	var steps []float64                // what each moment brings, in parts of what it should
	start := time.Now()
	for last, before := start, n.Load(); time.Since(start) < 2*time.Second; {
		time.Sleep(20 * time.Millisecond)
		now, bytes := time.Now(), n.Load()
		steps = append(steps, float64(bytes-before)/(rate*now.Sub(last).Seconds()))
		last, before = now, bytes
	}
	slices.Sort(steps)
	t.Logf("in 20 ms: median %.2f, from %.2f to %.2f", steps[len(steps)/2], steps[0], steps[len(steps)-1])
	if low, high := steps[len(steps)/4], steps[len(steps)*3/4]; low < 0.4 || high > 1.6 {
		t.Errorf("half of the time 20 ms bring from %.2f to %.2f of what they should", low, high)
	}
}

// A stream that ends while it is held back still ends well, and so does one that is cut.
func TestRateToTheEnd(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) {
		c.Listener()["session_rate_up"] = "4MB"
		c.Listener()["rate_down"] = "4MB"
	}}.start(t)
	p := r.open(t)
	start := time.Now()
	if err := p.carry(bulk(1, 2_000_000), bulk(2, 2_000_000)); err != nil {
		t.Error(err)
	}
	within(t, "2 MB at 4 MB/s", start, 450*time.Millisecond, late)
	r.wantReason(t, p.client, "complete")
	q := r.open(t)
	up := bulk(3, 1_000_000)
	got := reading(up, q.backend)
	if err := up.Send(q.client); err != nil {
		t.Fatal(err)
	}
	if err := q.client.Reset(); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s.end != peer.Reset {
		t.Errorf("%v, want a reset", s)
	}
	r.wantReason(t, q.client, "client_reset")
}

// Held back, a loop has nothing to do.
func TestRateIsIdleBetweenSteps(t *testing.T) {
	r := setup{edit: func(c *harness.Config) { c.Listener()["session_rate_down"] = "1MB" }}.start(t)
	p := r.open(t)
	pouring(t, p.backend, p.client)
	time.Sleep(500 * time.Millisecond) // what the kernel's buffers swallow at first
	before := r.CPU(t)
	time.Sleep(time.Second) // what is measured is a rate
	used := r.CPU(t) - before
	t.Logf("%v of CPU in a second", used)
	if !harness.Race && used > 150*time.Millisecond {
		t.Errorf("%v of CPU in a second for 1 MB", used)
	}
}

package proxy

import (
	"testing"
	"time"
)

// TestBucketIsExact takes what a rate allows at odd times, for an hour of them.
func TestBucketIsExact(t *testing.T) {
	for _, rate := range []int64{1 << 10, 123_457, 10_000_000, 40 << 30} {
		b := bucket{Rate: rate}
		b.refill(0, overdue)
		var taken int64
		now := int64(1)
		b.At = now
		start := now
		for i := int64(0); now < int64(time.Hour); i++ {
			now += tick + (i*7919)%int64(13*time.Millisecond)
			b.refill(now, overdue)
			taken += b.Left
			b.Left = 0
		}
		want := float64(rate) * float64(now-start) / 1e9
		if got := float64(taken) / want; got < 0.99999 || got > 1.00001 {
			t.Errorf("%d bytes a second: %.6f of what it should be", rate, got)
		}
	}
}

func TestBucketSavesLittle(t *testing.T) {
	b := bucket{Rate: 1_000_000}
	b.refill(int64(time.Hour), burst)
	if b.Left != 30_000 {
		t.Errorf("%d bytes after an hour, want those of %v", b.Left, time.Duration(burst))
	}
}

// TestAllowance shares a rate among loops with different numbers of flows that all want
// more than there is.
func TestAllowance(t *testing.T) {
	const rate = 10_000_000
	a := &allowance{bucket: bucket{Rate: rate}}
	now := int64(time.Hour)
	a.refill(now)
	a.bucket.Left = 0
	flows := []*paced{}
	for _, n := range []int{1, 3, 0, 8} {
		l := &lease{from: a}
		for range n {
			flows = append(flows, &paced{shared: l})
		}
	}
	taken := make([]int64, len(flows))
	const ticks = 500
	for range ticks {
		now += tick
		for i, p := range flows {
			budget := p.budget(now)
			taken[i] += budget
			p.spent(budget, budget, now)
		}
	}
	var sum int64
	for _, n := range taken {
		sum += n
	}
	if part := float64(sum) / (rate * ticks / 100); part < 0.97 || part > 1.001 {
		t.Errorf("%.3f of the rate is used", part)
	}
	for i, n := range taken {
		if part := float64(n) / (float64(sum) / float64(len(flows))); part < 0.9 || part > 1.1 {
			t.Errorf("flow %d has %.2f of a fair part", i, part)
		}
	}
	for _, p := range flows {
		p.unpause()
	}
	if a.waiting != 0 {
		t.Errorf("%d flows wait", a.waiting)
	}
}

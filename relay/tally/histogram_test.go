package tally

import (
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h, sum Histogram
	for _, d := range []time.Duration{0, 100 * time.Microsecond, 101 * time.Microsecond, 5 * time.Hour} {
		h.Observe(d)
	}
	sum.Add(&h)
	sum.Add(&h)
	if sum.Count() != 8 || sum.Buckets[0] != 4 || sum.Buckets[1] != 2 || sum.Buckets[len(Bounds)] != 2 || sum.Sum != 2*h.Sum {
		t.Errorf("%+v", sum)
	}
}

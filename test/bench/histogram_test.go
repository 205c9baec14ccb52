package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 100_000 {
		d := time.Duration(random.ExpFloat64() * 1e6)
		all = append(all, d)
		h.record(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.99, 0.9999} {
		want := float64(all[int(q*float64(len(all)))])
		got := float64(h.quantile(q))
		if got < want*0.983-1 || got > want*1.017+1 {
			t.Errorf("quantile %v is %v, want about %v", q, got, want)
		}
	}
}

func TestHistogramExtremes(t *testing.T) {
	var h histogram
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	h.record(-time.Second) // a clock that steps back
	h.record(1<<63 - 1)
	if low, high := h.quantile(0), h.quantile(1); low != 0 || high < 1<<62 {
		t.Errorf("quantiles 0 and 1 are %v and %v", low, high)
	}
}

func TestBucketsAreInOrderAndHoldTheirMiddle(t *testing.T) {
	for i := range bucketOf(1<<63 - 1) {
		if got := bucketOf(uint64(middleOf(i))); got != i {
			t.Fatalf("the middle of bucket %d is in bucket %d", i, got)
		}
	}
}

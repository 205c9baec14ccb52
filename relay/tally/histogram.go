package tally

import "time"

// Bounds are the upper bounds of a Histogram's buckets. They span a connect on loopback
// and a download that takes hours; each is about three times the one before.
var Bounds = [...]time.Duration{
	100 * time.Microsecond, 300 * time.Microsecond,
	time.Millisecond, 3 * time.Millisecond,
	10 * time.Millisecond, 30 * time.Millisecond,
	100 * time.Millisecond, 300 * time.Millisecond,
	time.Second, 3 * time.Second,
	10 * time.Second, 30 * time.Second,
	100 * time.Second, 1000 * time.Second, 10000 * time.Second,
}

// Histogram counts times by their length. The zero value is empty. It is not safe for
// concurrent use.
type Histogram struct {
	Buckets [len(Bounds) + 1]uint64 // not cumulative; the last is beyond all bounds
	Sum     time.Duration
}

// Observe adds one time.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(Bounds) && d > Bounds[i] {
		i++
	}
	h.Buckets[i]++
	h.Sum += d
}

// Add adds all that another has observed.
func (h *Histogram) Add(o *Histogram) {
	for i, n := range o.Buckets {
		h.Buckets[i] += n
	}
	h.Sum += o.Sum
}

// Since is what has been observed since an earlier copy was made.
func (h Histogram) Since(before *Histogram) Histogram {
	for i, n := range before.Buckets {
		h.Buckets[i] -= n
	}
	h.Sum -= before.Sum
	return h
}

// Count is the number of times observed.
func (h *Histogram) Count() uint64 {
	var n uint64
	for _, b := range h.Buckets {
		n += b
	}
	return n
}

package main

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets that grow with the value: 64 to each power
// of two, so a quantile is at most 1.6 % off. Recording is an index and an add.
type histogram struct {
	buckets [histogramBuckets]uint32
	count   uint64
}

const (
	bucketBits       = 6 // 64 buckets to a power of two
	histogramBuckets = (64 - bucketBits + 1) << bucketBits
)

func (h *histogram) record(d time.Duration) {
	h.buckets[bucketOf(uint64(max(d, 0)))]++
	h.count++
}

// quantile returns the middle of the bucket below which the share q of all values
// lies; 0 when nothing was recorded.
func (h *histogram) quantile(q float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	rank := min(uint64(q*float64(h.count)), h.count-1)
	for i, n := range h.buckets {
		if rank < uint64(n) {
			return middleOf(i)
		}
		rank -= uint64(n)
	}
	panic("the buckets hold less than the count")
}

// bucketOf keeps values below 128 exact; above, the top seven bits name the bucket.
func bucketOf(v uint64) int {
	shift := max(bits.Len64(v)-bucketBits-1, 0)
	return shift<<bucketBits + int(v>>shift)
}

func middleOf(bucket int) time.Duration {
	if bucket < 2<<bucketBits {
		return time.Duration(bucket)
	}
	shift := bucket>>bucketBits - 1
	low := uint64(bucket-shift<<bucketBits) << shift
	return time.Duration(low + 1<<shift/2)
}

package proxy

import (
	"math/bits"
	"time"
)

const (
	// tick is the grid on which flows that wait for their rate go on: all of a loop in
	// the same round.
	tick = int64(10 * time.Millisecond)
	// burst is how much of its rate a flow may save up while its source has nothing, as
	// a time. It takes a few ticks, or a source whose window is smaller than a tick's
	// worth would lose what a busy machine delays.
	burst = 3 * tick
	// overdue is how much it may save up while it waits: what a late round has cost it,
	// it gets back.
	overdue = int64(200 * time.Millisecond)
	// leastPortion is a segment: a flow waits for as much before it goes on, within
	// reason.
	leastPortion = 1448
	// longestWait is how long it waits for that, at low rates.
	longestWait = int64(50 * time.Millisecond)
)

// bucket measures a rate: bytes that may be taken now, and how they come back. It is
// plain values.
type bucket struct {
	Rate int64 // bytes a second; 0 = no limit
	Left int64
	At   int64 // up to when Left is counted; nanoseconds of loop.Clock
}

// refill counts what has come back by now, and leaves no more than is saved up in the
// given time.
func (b *bucket) refill(now, most int64) {
	if now <= b.At {
		return
	}
	if now-b.At >= most {
		b.Left, b.At = max(b.Left, b.worth(most)), now
		return
	}
	earned := b.worth(now - b.At)
	b.At += b.lasts(earned) // and not to now: fractions of a byte are not lost
	b.Left = min(b.Left+earned, b.worth(most))
}

// worth is how many bytes come in a time.
func (b *bucket) worth(ns int64) int64 { return scale(b.Rate, ns, int64(time.Second)) }

// lasts is how long so many bytes take to come.
func (b *bucket) lasts(bytes int64) int64 { return scale(bytes, int64(time.Second), b.Rate) }

// scale is a·b/c without overflow on the way.
func scale(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(q)
}

// portion is the time after which a waiting flow of this rate goes on: one tick, or
// more ticks while they bring less than a segment.
func (b *bucket) portion() int64 {
	return min(max(tick, b.lasts(leastPortion)), longestWait)
}

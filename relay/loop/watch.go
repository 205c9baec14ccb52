package loop

import (
	"fmt"
	"math/bits"
	"time"
)

// watch is how a loop looks after itself. It reads no clock of its own: a round is
// measured from the reading after its wait to the one before the next.
type watch struct {
	stats   Stats
	round   Round
	waited  bool // the round's end has been noted
	onStall func(Round)
}

// roundBuckets is the number of buckets of Stats.Rounds.
const roundBuckets = 16

// Stats are a loop's counters since it began.
type Stats struct {
	Busy   time.Duration        // spent in rounds, and not waiting
	Events uint64               // fetched from epoll
	Stalls uint64               // rounds longer than StallAfter
	Rounds [roundBuckets]uint64 // by length: the i-th is below 2^i × 16 µs, the last has no bound
}

// RoundBound is the upper bound of the i-th bucket of Stats.Rounds, but for the last.
func RoundBound(i int) time.Duration { return (16 * time.Microsecond) << i }

// StallAfter is the length of a round from which it is reported: for so long nobody
// else on the loop was served.
const StallAfter = 50 * time.Millisecond

// Round is what a round did.
type Round struct {
	Took   time.Duration
	Events int // dispatched
	Turns  int // that had been put off
	Timers int // fired
	Posts  int // functions posted by others
}

// String is the round in words.
func (r *Round) String() string {
	return fmt.Sprintf("%d events, %d long turns, %d timers, %d posted functions", r.Events, r.Turns, r.Timers, r.Posts)
}

// OnStall has f called, on the loop's thread, after every round that took too long. It
// is set before Run.
func (l *Loop) OnStall(f func(Round)) { l.watch.onStall = f }

// Stats are the counters now; for the loop's thread.
func (l *Loop) Stats() Stats { return l.watch.stats }

// begin starts a round of n events. When the one before was followed by no real wait, it
// ends here.
func (l *Loop) begin(n int) {
	now := Clock()
	if !l.watch.waited {
		l.done(now)
	}
	l.watch.waited = false
	l.watch.stats.Events += uint64(n)
	l.watch.round = Round{Events: n}
	l.now = now
}

// done ends a round.
func (l *Loop) done(now int64) {
	w := &l.watch
	took := now - l.now
	w.waited = true
	w.stats.Busy += time.Duration(took)
	w.stats.Rounds[min(bits.Len64(uint64(took)/uint64(RoundBound(0))), roundBuckets-1)]++
	if took > int64(StallAfter) {
		w.stats.Stalls++
		w.round.Took = time.Duration(took)
		if w.onStall != nil {
			w.onStall(w.round)
		}
	}
}

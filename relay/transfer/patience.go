package transfer

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 15 * time.Second
)

// backoff is how long to wait before another try, after so many in a row that failed:
// twice as long each time, and by chance a part of that, so that many who lost the same
// server do not come back at once.
func backoff(failures int) time.Duration {
	d := backoffMost
	if shift := max(failures-1, 0); shift < 8 {
		d = min(backoffFirst<<shift, backoffMost)
	}
	return d/2 + rand.N(d/2)
}

// sleep waits, but not beyond the end of the context.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// patience is how long failures may follow each other without a byte of progress.
type patience struct {
	limit time.Duration
	since atomic.Int64 // the first failure since there was progress, in nanoseconds since epoch; 0 = none
}

// epoch is a moment to count monotonic time from.
var epoch = time.Now()

// moved notes progress.
func (p *patience) moved() {
	if p.since.Load() != 0 {
		p.since.Store(0)
	}
}

// failed notes a failure, and reports that there have been enough of them.
func (p *patience) failed() bool {
	now := int64(time.Since(epoch))
	if p.since.CompareAndSwap(0, now) {
		return p.limit <= 0
	}
	return time.Duration(now-p.since.Load()) >= p.limit
}

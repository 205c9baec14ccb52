package transfer

import (
	"context"
	"sync"
	"time"
)

// pace holds the connections of a run to a rate together. A nil pace holds nobody.
type pace struct {
	mu   sync.Mutex
	rate int64     // bytes a second
	next time.Time // when the next byte may go
}

func newPace(rate int64) *pace {
	if rate <= 0 {
		return nil
	}
	return &pace{rate: rate}
}

// slice is how much of n bytes to move at a time: about a tenth of a second's worth.
func (p *pace) slice(n int64) int64 {
	if p == nil {
		return n
	}
	const least = 1 << 10
	return min(n, max(p.rate/10, least))
}

// take waits until n more bytes may be moved.
func (p *pace) take(ctx context.Context, n int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	wait := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	p.mu.Unlock()
	if wait > 0 {
		sleep(ctx, wait)
	}
}

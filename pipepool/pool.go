package pipepool

import (
	"sync/atomic"
	"time"
)

// Least is the smallest pipe worth splicing through: the kernel's default. Below it
// (8 KiB is what an unprivileged user gets when the allowance is spent) copying is
// cheaper.
const Least = 64 << 10

// RetryAfter is how long a pool that was refused a pipe waits before it asks the
// kernel again.
const RetryAfter = 100 * time.Millisecond

// Budget is the pipe memory that the pools of one process may use together. It is
// safe for concurrent use. The zero value allows nothing.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// NewBudget allows limit bytes of pipe capacity.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Limit is what it allows, in bytes.
func (b *Budget) Limit() int64 { return b.limit }

// Used is the capacity of all pipes that exist, in bytes.
func (b *Budget) Used() int64 { return b.used.Load() }

func (b *Budget) take(n int64) bool {
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

// Pool lends pipes to the flows of one loop. It is not safe for concurrent use.
type Pool struct {
	budget *Budget
	size   int
	idle   []*Pipe // a stack; the last one was used last
	lent   int
	unused int   // fewest idle pipes since the last Trim: nobody needed these
	closed bool  // pipes that come back are closed
	retry  int64 // no pipe is asked of the kernel before this time (ns)
	clock  func() int64

	create func(size, least int) (*Pipe, error) // newPipe; tests refuse
}

// New makes an empty pool whose pipes are asked for size bytes each. clock gives
// monotonic nanoseconds; it is read only when pipes are short.
func New(budget *Budget, size int, clock func() int64) *Pool {
	return &Pool{budget: budget, size: max(size, 4096), clock: clock, create: newPipe}
}

// Get lends an empty pipe, or returns nil when the budget is spent or the kernel
// refuses; the caller then copies.
func (p *Pool) Get() *Pipe {
	if n := len(p.idle); n > 0 {
		pipe := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.unused = min(p.unused, n-1)
		p.lent++
		return pipe
	}
	return p.grow()
}

func (p *Pool) grow() *Pipe {
	if p.refused() {
		return nil
	}
	if !p.budget.take(int64(p.size)) {
		return nil
	}
	pipe, err := p.create(p.size, min(p.size, Least))
	if err != nil {
		p.budget.used.Add(-int64(p.size))
		p.retry = p.clock() + int64(RetryAfter)
		return nil
	}
	p.retry = 0
	p.budget.used.Add(int64(pipe.Capacity - p.size)) // what was granted, not what was asked
	p.lent++
	return pipe
}

// refused reports that the kernel has refused a pipe a moment ago.
func (p *Pool) refused() bool { return p.retry != 0 && p.clock() < p.retry }

// Put takes a pipe back. One that still holds bytes is closed, never pooled.
func (p *Pool) Put(pipe *Pipe) {
	p.lent--
	if pipe.Bytes != 0 || p.closed {
		p.discard(pipe)
		return
	}
	p.idle = append(p.idle, pipe)
}

// Release gives up a lent pipe without closing it: its descriptors go to another
// owner, who must Adopt it in a pool of its own.
func (p *Pool) Release(pipe *Pipe) {
	p.lent--
	p.budget.used.Add(-int64(pipe.Capacity))
}

// Adopt counts a pipe that came from elsewhere as lent by this pool. It may go over
// the budget: its bytes must not be lost.
func (p *Pool) Adopt(pipe *Pipe) {
	p.lent++
	p.budget.used.Add(int64(pipe.Capacity))
}

// Low reports that pipes are running short: fewer than a quarter of the budget is
// free and none is idle, or the kernel has just refused one. Then whoever takes a
// pipe should put no more in than leaves at once.
func (p *Pool) Low() bool {
	return len(p.idle) == 0 && (p.refused() || p.budget.used.Load() > p.budget.limit/4*3)
}

// Size is the capacity asked for each pipe, in bytes.
func (p *Pool) Size() int { return p.size }

// Lent and Idle are the numbers of pipes in use and waiting.
func (p *Pool) Lent() int { return p.lent }

// Idle is the number of pipes waiting to be lent.
func (p *Pool) Idle() int { return len(p.idle) }

// Trim closes the pipes that nobody needed since the last call, so that another
// loop can have their share of the budget.
func (p *Pool) Trim() {
	n := min(p.unused, len(p.idle))
	for _, pipe := range p.idle[:n] { // the bottom of the stack: longest unused
		p.discard(pipe)
	}
	p.idle = append(p.idle[:0], p.idle[n:]...)
	clear(p.idle[len(p.idle):cap(p.idle)])
	p.unused = len(p.idle)
}

// Empty closes the idle pipes: another process is to have their share of what the kernel
// allows a user.
func (p *Pool) Empty() {
	for _, pipe := range p.idle {
		p.discard(pipe)
	}
	clear(p.idle)
	p.idle, p.unused = p.idle[:0], 0
}

// Close closes the idle pipes; those still lent are closed as they come back.
func (p *Pool) Close() {
	p.closed = true
	p.Empty()
}

func (p *Pool) discard(pipe *Pipe) {
	p.budget.used.Add(-int64(pipe.Capacity))
	pipe.close()
}

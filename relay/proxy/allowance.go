package proxy

import "sync"

// allowance is a rate of a whole listener in one direction. The loops share it, and take
// from it in portions, once a tick at most while flows wait.
//
// Whoever waits gets the same: at the first call in a tick, what is there is divided by
// all who wait, and a loop takes as many parts as it has waiting flows. Only this bucket
// earns bytes, so the loops together never pass the rate; what a loop does not use it
// counts against its next portion, or gives back.
type allowance struct {
	mu      sync.Mutex
	bucket  bucket
	waiting int64 // flows, on all loops
	tick    int64 // number of the tick that part holds for
	part    int64 // bytes for each flow that waits
}

// lease is what one loop has of an allowance. It belongs to that loop's thread.
type lease struct {
	from    *allowance
	left    int64
	waiting int64 // flows of this loop that wait
	round   int64 // how long a segment for everyone who waits takes, on all loops
	told    int64 // what of it from knows
	tick    int64 // in which turns were last counted
	turns   int64 // flows that still have their turn in it
}

// renew takes a portion for as many flows as wait on the loop, or for one that does not
// have to, and returns what the loop may use now.
func (l *lease) renew(now int64) {
	a := l.from
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting += l.waiting - l.told
	l.told = l.waiting
	a.refill(now)
	want := a.part * max(l.waiting, 1)
	if a.waiting == 0 {
		want = a.bucket.Left
	}
	got := min(max(want-l.left, 0), a.bucket.Left)
	a.bucket.Left -= got
	l.left += got
	l.round = a.bucket.lasts(leastPortion * a.waiting)
}

func (a *allowance) refill(now int64) {
	most := burst
	if a.waiting > 0 {
		most = overdue
	}
	a.bucket.refill(now, most)
	if n := now / tick; n != a.tick {
		a.tick = n
		a.part = (a.bucket.Left + max(a.waiting, 1) - 1) / max(a.waiting, 1)
	}
}

func (a *allowance) setRate(rate int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bucket.Rate = rate
}

// giveBack returns what is left, and says that nobody waits here any more.
func (l *lease) giveBack() {
	a := l.from
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting += l.waiting - l.told
	l.told = l.waiting
	a.bucket.Left += l.left
	l.left = 0
}

// share is what one flow may use in its turn. In a tick each flow that waited has one
// turn and an equal part, or a segment until none is left: whoever had one then waits
// for a round. A flow that comes along stands back while others wait.
func (l *lease) share(now int64, waited bool) int64 {
	if n := now / tick; n != l.tick {
		l.tick, l.turns = n, l.waiting
		l.renew(now)
	}
	switch {
	case !waited && l.waiting > 0:
		return 0
	case !waited:
		if l.left == 0 {
			l.renew(now)
		}
		return l.left
	}
	part := max(l.left/max(l.turns, 1), min(l.left, leastPortion))
	l.turns--
	return part
}

// wait counts a flow that begins or ends to wait.
func (l *lease) wait(n int64) {
	l.waiting += n
	if l.waiting == 0 {
		l.giveBack()
	}
}

package upstream

import "math"

// turns is smooth weighted round robin: each backend as often as its weight says, its
// turns spread as evenly as can be. Weights 50, 1, 1, … (fifty ones) give the heavy
// backend every second turn.
//
// It is proportionate fairness (Baruah, Cohen, Plaxton, Varvel, "Proportionate progress",
// Algorithmica 15, 1996) for one processor. While a backend of weight 1 has one turn, one
// of weight w has w of them, turn k within the window from k/w to (k+1)/w of that time.
// Of the backends whose window has opened the one whose window closes first is next. No
// backend is ever a whole turn from its due, and every run as long as the sum of the
// weights is exact. Unlike a schedule computed ahead it needs nothing rebuilt when
// weights change or backends come and go.
type turns struct {
	open   heap // backends whose window is open, by its end
	closed heap // the others, by its beginning, which is Backend.due
	now    float64
	share  int // the sum of the shares
}

const (
	// openMost bounds the windows opened in one pick: those of a thousand backends may
	// open at the same time.
	openMost = 64
	// rebaseAt is when time begins anew, so that a float64 tells all strides apart.
	rebaseAt = 1024
	// tick is less than any difference between times that means something, and more
	// than what rounding adds up to until the rebase.
	tick = 1.0 / (1 << 24)
)

func newTurns() *turns {
	t := &turns{}
	t.open.before = func(a, b *Backend) bool {
		x, y := a.due+stride(a.share), b.due+stride(b.share)
		return x < y || x == y && a.place < b.place
	}
	t.closed.before = func(a, b *Backend) bool {
		switch {
		case a.due != b.due:
			return a.due < b.due
		case a.share != b.share:
			return a.share > b.share
		}
		return a.place < b.place
	}
	return t
}

// add lets a backend have its first turn now. One that was away for a moment only (it
// was full) goes on where it was.
func (t *turns) add(b *Backend) {
	t.share += b.share
	b.due = min(max(b.due, t.now), t.now+stride(b.share))
	b.opened = false
	t.closed.push(b)
}

func (t *turns) remove(b *Backend) {
	t.share -= b.share
	t.heapOf(b).remove(b)
}

func (t *turns) loaded(*Backend) {}

// weighed stretches or shrinks the time until the next turn.
func (t *turns) weighed(b *Backend, before int) {
	if b.due > t.now {
		b.due = t.now + (b.due-t.now)*float64(before)/float64(b.share)
	}
	t.share += b.share - before
	t.heapOf(b).fix(b)
}

func (t *turns) take(uint64) *Backend {
	if t.share == 0 {
		return nil
	}
	step := stride(t.share)
	if t.open.first() == nil { // weights have changed, and nobody is due yet
		t.now = max(t.now, t.closed.first().due)
	}
	t.openUntil(t.now + step - tick)
	b := t.open.first()
	t.open.remove(b)
	b.due += stride(b.share)
	b.opened = false
	t.closed.push(b)
	if t.now += step; t.now >= rebaseAt {
		t.rebase()
	}
	return b
}

// openUntil opens the windows that begin before end.
func (t *turns) openUntil(end float64) {
	for range openMost {
		b := t.closed.first()
		if b == nil || b.due >= end && t.open.first() != nil {
			return
		}
		t.closed.remove(b)
		b.opened = true
		t.open.push(b)
	}
}

// rebase sets time back and takes away what rounding has added to it.
func (t *turns) rebase() {
	past := math.Floor(t.now)
	for _, h := range []*heap{&t.open, &t.closed} {
		for _, b := range h.list {
			b.due = snap(b.due - past)
		}
	}
	t.now = snap(t.now - past)
}

func snap(at float64) float64 { return math.Round(at/tick) * tick }

func (t *turns) heapOf(b *Backend) *heap {
	if b.opened {
		return &t.open
	}
	return &t.closed
}

// stride is the time from one turn of a backend to the next.
func stride(share int) float64 { return fullShare / float64(share) }

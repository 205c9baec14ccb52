package upstream

import "math/rand/v2"

// twoChoices draws two backends by weight and takes the one with fewer sessions for its
// weight. The longest queue of n is then log log n instead of log n (Mitzenmacher, "The
// power of two choices in randomized load balancing", IEEE TPDS 12, 2001), and several
// balancers that know nothing of each other do not all run to the same backend.
//
// The draw is a walk down a binary indexed tree of shares (Fenwick, "A new data
// structure for cumulative frequency tables", 1994): the logarithm of the number of
// backends, for the draw as for a change.
type twoChoices struct {
	slots []*Backend // by Backend.pos; nil = free
	free  []int
	sums  []int // the tree; sums[0] is unused
	total int
	draw  func(below int) int // from 0
}

func newTwoChoices() *twoChoices {
	return &twoChoices{draw: rand.IntN, sums: make([]int, 1)}
}

func (t *twoChoices) add(b *Backend) {
	if n := len(t.free); n > 0 {
		b.pos = t.free[n-1]
		t.free = t.free[:n-1]
		t.slots[b.pos] = b
	} else {
		b.pos = len(t.slots)
		t.slots = append(t.slots, b)
		t.grow()
	}
	t.shift(b.pos, b.share)
}

func (t *twoChoices) remove(b *Backend) {
	t.shift(b.pos, -b.share)
	t.slots[b.pos] = nil
	t.free = append(t.free, b.pos)
}

func (t *twoChoices) loaded(*Backend) {}

func (t *twoChoices) weighed(b *Backend, before int) { t.shift(b.pos, b.share-before) }

func (t *twoChoices) take(uint64) *Backend {
	if t.total == 0 {
		return nil
	}
	a := t.find(t.draw(t.total))
	if t.total == a.share {
		return a
	}
	t.shift(a.pos, -a.share) // the second is another one
	b := t.find(t.draw(t.total))
	t.shift(a.pos, a.share)
	if lessLoaded(b, a) {
		return b
	}
	return a
}

// grow adds a leaf without a share to the tree: its node holds what the nodes below it
// hold.
func (t *twoChoices) grow() {
	i, sum := len(t.sums), 0
	for step := 1; step < i&-i; step <<= 1 {
		sum += t.sums[i-step]
	}
	t.sums = append(t.sums, sum)
}

// shift adds to the share of a slot.
func (t *twoChoices) shift(slot, by int) {
	t.total += by
	for i := slot + 1; i < len(t.sums); i += i & -i {
		t.sums[i] += by
	}
}

// find is the backend at which the running sum of shares passes at.
func (t *twoChoices) find(at int) *Backend {
	i, step := 0, 1
	for step*2 < len(t.sums) {
		step *= 2
	}
	for ; step > 0; step /= 2 {
		if next := i + step; next < len(t.sums) && t.sums[next] <= at {
			i = next
			at -= t.sums[next]
		}
	}
	return t.slots[i]
}

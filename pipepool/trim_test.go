package pipepool

import "testing"

func TestTrimClosesWhatWasNotNeeded(t *testing.T) {
	r := newRig(t, NewBudget(8*size))
	pipes := r.stock(t, 5)
	r.Trim() // all five were lent since the pool was made
	r.want(t, 0, 5, 5*size)

	used := r.lend(t, 2)
	for _, p := range used {
		r.Put(p)
	}
	fds := [2]int{pipes[0].R, pipes[0].W}
	r.Trim()
	r.want(t, 0, 2, 2*size)
	if isOpen(fds[0], fds[1]) {
		t.Error("the pipe at the bottom, unused for longest, was kept")
	}
	for _, p := range used {
		if !isOpen(p.R, p.W) {
			t.Error("a pipe that was used was closed")
		}
	}
}

func TestTrimOfAnUnusedPool(t *testing.T) {
	r := newRig(t, NewBudget(8*size))
	before := descriptors(t)
	r.stock(t, 4)
	r.Trim()
	r.Trim()
	r.want(t, 0, 0, 0)
	r.Trim()
	if now := descriptors(t); now != before {
		t.Errorf("%d descriptors, %d before", now, before)
	}
	r.get(t)
	r.want(t, 1, 0, size)
}

// Pipes that come back between two trims were needed before.
func TestTrimSparesWhatCameBack(t *testing.T) {
	r := newRig(t, NewBudget(8*size))
	lent := r.lend(t, 3)
	r.Trim()
	for _, p := range lent {
		r.Put(p)
	}
	r.Trim()
	r.want(t, 0, 3, 3*size)
}

func TestReleaseAndAdopt(t *testing.T) {
	budget := NewBudget(2 * size)
	a, b := newRig(t, budget), newRig(t, budget)
	before := descriptors(t)
	p := a.get(t)
	p.Bytes = 7
	a.Release(p)
	a.want(t, 0, 0, 0)
	if !isOpen(p.R, p.W) || p.Bytes != 7 {
		t.Fatal("a released pipe lost its descriptors or its count")
	}
	b.lend(t, 2) // the budget is spent meanwhile
	b.Adopt(p)   // and yet the bytes must not be lost
	b.want(t, 3, 0, 3*size)
	p.Bytes = 0
	b.Put(p)
	b.want(t, 2, 1, 3*size)
	if b.Get() != p || b.Get() != nil {
		t.Error("an adopted pipe is not lent like any other, or one more was made over the budget")
	}
	b.Put(p)
	b.Close()
	if now := descriptors(t); now != before+4 {
		t.Errorf("%d descriptors, want the %d of before and the two pipes still lent", now, before)
	}
}

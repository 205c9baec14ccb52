package pipepool

import "testing"

func TestLendsLastInFirstOut(t *testing.T) {
	r := newRig(t, NewBudget(8*size))
	pipes := r.stock(t, 3)
	for i := 2; i >= 0; i-- {
		if got := r.get(t); got != pipes[i] {
			t.Errorf("the pool lent %v, want %v, which came back later than the rest", got, pipes[i])
		}
	}
	if r.asked != 3 {
		t.Errorf("%d pipes were made, want 3", r.asked)
	}
}

// A pipe that holds bytes would give them to a stranger.
func TestDirtyPipeIsClosed(t *testing.T) {
	r := newRig(t, NewBudget(8*size))
	before := descriptors(t)
	dirty := r.get(t)
	fds := [2]int{dirty.R, dirty.W}
	dirty.Bytes = 1
	r.Put(dirty)
	r.want(t, 0, 0, 0)
	if isOpen(fds[0], fds[1]) || descriptors(t) != before {
		t.Error("the dirty pipe is still open")
	}
	if next := r.get(t); next == dirty || next.Bytes != 0 {
		t.Errorf("the dirty pipe was lent again: %+v", next)
	}
}

func TestPipesDoNotBlock(t *testing.T) {
	p := newRig(t, NewBudget(size)).get(t)
	for name, fd := range map[string]int{"read": p.R, "write": p.W} {
		if !hasFlags(t, fd) {
			t.Errorf("the %s end blocks or survives exec", name)
		}
	}
}

func TestPutAfterCloseCloses(t *testing.T) {
	r := newRig(t, NewBudget(8*size))
	before := descriptors(t)
	lent := r.lend(t, 2)
	r.stock(t, 1)
	r.Close()
	r.want(t, 2, 0, 2*size)
	for _, p := range lent {
		r.Put(p)
	}
	r.want(t, 0, 0, 0)
	if now := descriptors(t); now != before {
		t.Errorf("%d descriptors, %d before", now, before)
	}
}

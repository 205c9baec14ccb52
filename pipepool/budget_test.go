package pipepool

import (
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func TestBudgetIsSharedByPools(t *testing.T) {
	budget := NewBudget(3 * size)
	a, b := newRig(t, budget), newRig(t, budget)
	first := a.lend(t, 2)
	b.lend(t, 1)
	if a.Get() != nil || b.Get() != nil {
		t.Error("a pool lent a pipe over the budget")
	}
	a.Put(first[0])
	a.want(t, 1, 1, 3*size)
	if b.Get() != nil {
		t.Error("an idle pipe of another pool was taken for free budget")
	}
	first[1].Bytes = 1
	a.Put(first[1]) // closed: its share is free
	b.get(t)
	b.want(t, 2, 0, 3*size)
}

func TestBudgetUnderRace(t *testing.T) {
	const pools, limit = 4, 6
	budget := NewBudget(limit * size)
	var all sync.WaitGroup
	for range pools {
		r := newRig(t, budget)
		all.Go(func() {
			for range 200 {
				if used := budget.Used(); used > (limit+pools)*size { // each pool may be taking one it will not get
					t.Errorf("%d bytes in use of %d", used, limit*size)
				}
				if p := r.Get(); p != nil {
					p.Bytes = 1
					r.Put(p)
				}
			}
		})
	}
	all.Wait()
	if used := budget.Used(); used != 0 {
		t.Errorf("%d bytes in use, want 0", used)
	}
}

func TestNoBudgetNoPipe(t *testing.T) {
	for name, budget := range map[string]*Budget{"zero value": {}, "less than one pipe": NewBudget(size - 1)} {
		r := newRig(t, budget)
		if r.Get() != nil || r.asked != 0 || budget.Used() != 0 {
			t.Errorf("%s: lent a pipe, or asked the kernel %d times, or keeps %d bytes", name, r.asked, budget.Used())
		}
	}
}

// What the kernel granted is what counts, be it more or less than was asked.
func TestGrantedCapacityIsCounted(t *testing.T) {
	for _, granted := range []int{size / 2, size, 2 * size} {
		r := newRig(t, NewBudget(8*size))
		r.granted = granted
		p := r.get(t)
		r.want(t, 1, 0, int64(granted))
		r.Put(p)
		r.want(t, 0, 1, int64(granted))
		r.Close()
		r.want(t, 0, 0, 0)
	}
}

func TestRefusalIsNotAStorm(t *testing.T) {
	for _, errno := range []error{unix.EPERM, unix.EMFILE, unix.ENFILE, unix.ENOMEM} {
		r := newRig(t, NewBudget(8*size))
		r.refuse = errno
		for range 1000 {
			if r.Get() != nil {
				t.Fatal("a refused pipe was lent")
			}
		}
		if r.asked != 1 {
			t.Errorf("%v: the kernel was asked %d times at once, want 1", errno, r.asked)
		}
		r.later(RetryAfter - 1)
		if r.Get(); r.asked != 1 {
			t.Errorf("%v: the kernel was asked again before RetryAfter", errno)
		}
		r.later(1)
		if r.Get(); r.asked != 2 {
			t.Errorf("%v: the kernel was not asked again after RetryAfter", errno)
		}
		r.want(t, 0, 0, 0)
	}
}

func TestRecoversFromRefusal(t *testing.T) {
	r := newRig(t, NewBudget(8*size))
	r.refuse = unix.EPERM
	r.Get()
	if !r.Low() {
		t.Error("a pool that was just refused a pipe is not low")
	}
	r.refuse = nil
	r.later(RetryAfter)
	r.lend(t, 2)
	if r.asked != 3 || r.Low() {
		t.Errorf("asked %d times, low %v; want 3 and not low", r.asked, r.Low())
	}
}

// An idle pipe needs no kernel: a refusal does not keep it back.
func TestRefusalDoesNotKeepIdlePipes(t *testing.T) {
	r := newRig(t, NewBudget(8*size))
	p := r.get(t)
	r.refuse = unix.EMFILE
	r.Get()
	r.Put(p)
	if r.Low() || r.Get() != p {
		t.Error("the idle pipe was not lent")
	}
}

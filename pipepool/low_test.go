package pipepool

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestLow(t *testing.T) {
	for _, c := range []struct {
		name       string
		limit      int64
		lent, idle int
		want       bool
	}{
		{"fresh", 8, 0, 0, false},
		{"three quarters lent", 8, 6, 0, false},
		{"more than three quarters lent", 8, 7, 0, true},
		{"all lent", 8, 8, 0, true},
		{"one idle", 8, 7, 1, false},
		{"a budget of one pipe, lent", 1, 1, 0, true},
		{"a budget of one pipe, idle", 1, 0, 1, false},
	} {
		r := newRig(t, NewBudget(c.limit*size))
		pipes := r.lend(t, c.lent+c.idle)
		for _, p := range pipes[:c.idle] {
			r.Put(p)
		}
		if got := r.Low(); got != c.want {
			t.Errorf("%s: low is %v, want %v", c.name, got, c.want)
		}
	}
}

// One refusal must not throttle a loop for ever: as long as a pipe is idle whenever one
// is wanted, the kernel is not asked again, and nothing but time ends the shortage.
func TestLowEndsWithTheRefusal(t *testing.T) {
	r := newRig(t, NewBudget(8*size))
	p := r.get(t)
	r.refuse = unix.EMFILE
	if r.Get() != nil || !r.Low() {
		t.Fatal("the kernel's refusal did not make the pool low")
	}
	r.refuse = nil
	r.Put(p)
	for range 3 {
		r.later(RetryAfter)
		r.Put(r.get(t))
	}
	r.get(t)
	if r.Low() {
		t.Error("still low long after the one refusal, with seven eighths of the budget free")
	}
}

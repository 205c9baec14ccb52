package pipepool

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// rig is a pool whose kernel and clock the test plays.
type rig struct {
	*Pool
	budget  *Budget
	now     int64
	asked   int   // pipes asked of the kernel
	refuse  error // what the kernel answers, if not nil
	granted int   // capacity it grants; 0 = what was asked for
	made    []*Pipe
}

const size = Least

func newRig(t *testing.T, budget *Budget) *rig {
	t.Helper()
	r := &rig{budget: budget, now: 1}
	r.Pool = New(budget, size, func() int64 { return r.now })
	r.create = func(size, least int) (*Pipe, error) {
		r.asked++
		if r.refuse != nil {
			return nil, r.refuse
		}
		p, err := newPipe(size, least)
		if err != nil {
			return nil, err
		}
		if r.granted != 0 {
			p.Capacity = r.granted
		}
		r.made = append(r.made, p)
		return p, nil
	}
	t.Cleanup(r.closeAll)
	return r
}

// closeAll closes what the test has not given back.
func (r *rig) closeAll() {
	for _, p := range r.made {
		if p.R >= 0 {
			p.close()
		}
	}
}

// get lends a pipe that must be there.
func (r *rig) get(t *testing.T) *Pipe {
	t.Helper()
	p := r.Get()
	if p == nil {
		t.Fatal("Get returned no pipe")
	}
	return p
}

// lend takes n pipes; the first was lent first.
func (r *rig) lend(t *testing.T, n int) []*Pipe {
	t.Helper()
	pipes := make([]*Pipe, n)
	for i := range pipes {
		pipes[i] = r.get(t)
	}
	return pipes
}

// stock leaves n idle pipes in the pool, the last of them on top.
func (r *rig) stock(t *testing.T, n int) []*Pipe {
	t.Helper()
	pipes := r.lend(t, n)
	for _, p := range pipes {
		r.Put(p)
	}
	return pipes
}

func (r *rig) later(d time.Duration) { r.now += int64(d) }

// want checks the pool's books.
func (r *rig) want(t *testing.T, lent, idle int, used int64) {
	t.Helper()
	if r.Lent() != lent || r.Idle() != idle || r.budget.Used() != used {
		t.Errorf("lent %d, idle %d, used %d; want %d, %d, %d", r.Lent(), r.Idle(), r.budget.Used(), lent, idle, used)
	}
}

// descriptors is how many this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// isOpen reports whether both ends of a pipe are open.
func isOpen(r, w int) bool {
	_, errR := unix.FcntlInt(uintptr(r), unix.F_GETFD, 0)
	_, errW := unix.FcntlInt(uintptr(w), unix.F_GETFD, 0)
	return errR == nil && errW == nil
}

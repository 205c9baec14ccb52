package upstream

import (
	"errors"
	"testing"

	"relay/config"
)

// line is a queue in a test: who was called, in order.
type line struct {
	pool
	called []int
}

func newLine(t *testing.T, queueMax int, limits ...int) *line {
	c := checked(config.Upstream{QueueMax: queueMax})
	for i, limit := range limits {
		c.Backends = append(c.Backends, config.Backend{Address: address(i), Weight: 1, SessionsMax: limit})
	}
	return &line{pool: poolOf(t, c)}
}

// wait queues client n; it must not be served at once.
func (l *line) wait(t *testing.T, n int, tried ...*Backend) *Waiter {
	t.Helper()
	b, w, err := l.Wait(Key{}, tried, func(*Waiter, *Backend) { l.called = append(l.called, n) })
	if b != nil || w == nil || err != nil {
		t.Fatalf("client %d: %v, %v, %v; want it to wait", n, b, w, err)
	}
	return w
}

func (l *line) want(t *testing.T, called ...int) {
	t.Helper()
	if len(l.called) != len(called) {
		t.Fatalf("called %v, want %v", l.called, called)
	}
	for i := range called {
		if l.called[i] != called[i] {
			t.Fatalf("called %v, want %v", l.called, called)
		}
	}
}

func TestQueueIsServedInOrder(t *testing.T) {
	l := newLine(t, 3, 1)
	l.pick(t, 0)
	for n := range 3 {
		l.wait(t, n)
	}
	if _, _, err := l.Wait(Key{}, nil, nil); !errors.Is(err, ErrQueueFull) {
		t.Errorf("a fourth: %v", err)
	}
	l.at(0).Leave()
	l.want(t, 0)
	l.at(0).Leave()
	l.at(0).Leave()
	l.want(t, 0, 1, 2)
	if l.Queued() != 0 || l.at(0).Load() != 1 {
		t.Errorf("%d wait, load %d", l.Queued(), l.at(0).Load())
	}
	if b, w, err := l.Wait(Key{}, nil, nil); b != nil || w == nil || err != nil {
		t.Errorf("the place of the last one is taken twice: %v %v %v", b, w, err)
	}
}

func TestWhoLeavesTheQueueIsNotCalled(t *testing.T) {
	l := newLine(t, 5, 1)
	l.pick(t, 0)
	l.wait(t, 0)
	gone := l.wait(t, 1)
	l.wait(t, 2)
	l.Abandon(gone)
	l.at(0).Leave()
	l.at(0).Leave()
	l.want(t, 0, 2)
	l.Abandon(gone) // once more does nothing
}

func TestNoQueueByDefault(t *testing.T) {
	l := newLine(t, 0, 1)
	l.pick(t, 0)
	if _, _, err := l.Wait(Key{}, nil, nil); !errors.Is(err, ErrFull) {
		t.Errorf("%v, want ErrFull", err)
	}
}

// Places come free in other ways than by a session that ends.
func TestQueueIsServedWhenABackendComesUp(t *testing.T) {
	l := newLine(t, 9, 1, 1)
	l.at(1).Checked("down")
	l.pick(t, 0)
	l.wait(t, 0)
	l.wait(t, 1)
	l.at(1).Checked("")
	l.want(t, 0)
	c := *l.Config()
	c.Backends[0].SessionsMax = 2
	if err := l.Update(c); err != nil {
		t.Fatal(err)
	}
	l.want(t, 0, 1)
}

// One that has tried a backend does not get its place, and holds up nobody behind it.
func TestQueuePassesByWhoHasTried(t *testing.T) {
	l := newLine(t, 9, 1, 1)
	a, b := l.pick(t, 0), l.pick(t, 0)
	l.wait(t, 0, a)
	l.wait(t, 1)
	a.Leave()
	l.want(t, 1)
	b.Leave()
	l.want(t, 1, 0)
}

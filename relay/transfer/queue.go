package transfer

import "sync"

// queue holds the files of a run that nobody works on. It ends when whoever fills it has
// closed it, nothing is in it, and nothing that was taken can come back.
type queue[T any] struct {
	mu      sync.Mutex
	changed *sync.Cond
	items   []T
	out     int  // taken, and neither settled nor given back
	closed  bool // no more will be added
	gone    bool // abandoned
}

func newQueue[T any]() *queue[T] {
	q := &queue[T]{}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// add appends one.
func (q *queue[T]) add(x T) {
	q.mu.Lock()
	q.items = append(q.items, x)
	q.mu.Unlock()
	q.changed.Signal()
}

// close says that there will be no more.
func (q *queue[T]) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.changed.Broadcast()
}

// take removes the first; without one it waits if it is to, until the queue ends.
func (q *queue[T]) take(wait bool) (x T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 {
		if !wait || q.gone || q.closed && q.out == 0 {
			return x, false
		}
		q.changed.Wait()
	}
	x = q.items[0]
	var none T
	q.items[0] = none
	q.items = q.items[1:]
	q.out++
	return x, true
}

// abandon ends the queue whatever is in it.
func (q *queue[T]) abandon() {
	q.mu.Lock()
	q.items, q.gone = nil, true
	q.mu.Unlock()
	q.changed.Broadcast()
}

// settle says that one that was taken is dealt with.
func (q *queue[T]) settle() {
	q.mu.Lock()
	q.out--
	q.mu.Unlock()
	q.changed.Broadcast()
}

// giveBack returns one that was taken, for somebody else or later.
func (q *queue[T]) giveBack(x T) {
	q.mu.Lock()
	q.out--
	if !q.gone {
		q.items = append(q.items, x)
	}
	q.mu.Unlock()
	q.changed.Broadcast()
}

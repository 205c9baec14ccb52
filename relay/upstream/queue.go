package upstream

import "container/list"

// Waiter is a session that waits for a place, because every backend it could go to is
// at its sessions_max.
type Waiter struct {
	hash    uint64
	tried   []*Backend
	granted func(*Waiter, *Backend)
	place   *list.Element // nil = no longer in the queue
}

// Wait picks like Pick, or else puts the session at the end of the queue. granted is
// then called once, when its turn has come, with a backend on which a place is taken. It
// may be called from any goroutine and under a lock: it is to post to the session's loop
// and return.
func (u *Upstream) Wait(key Key, tried []*Backend, granted func(*Waiter, *Backend)) (*Backend, *Waiter, error) {
	hash := u.hash(key)
	u.mu.Lock()
	defer u.mu.Unlock()
	b, err := u.pick(hash, tried)
	if err != ErrFull {
		return b, nil, err
	}
	limit := u.Config().QueueMax
	if limit == 0 {
		return nil, nil, ErrFull
	}
	if u.queue.Len() >= limit {
		return nil, nil, ErrQueueFull
	}
	w := &Waiter{hash: hash, tried: tried, granted: granted}
	w.place = u.queue.PushBack(w)
	return nil, w, nil
}

// Abandon takes a session out of the queue that no longer waits. If it is too late,
// granted is on its way, and whoever receives it gives the place back.
func (u *Upstream) Abandon(w *Waiter) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if w.place != nil {
		u.queue.Remove(w.place)
		w.place = nil
	}
}

// Queued is the number of sessions that wait.
func (u *Upstream) Queued() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.queue.Len()
}

// serve gives places that have become free to those who wait, first come first served.
// A place is passed by only by those who have tried its backend in vain.
func (u *Upstream) serve() {
	if u.held {
		return
	}
	for e := u.queue.Front(); e != nil; {
		w, next := e.Value.(*Waiter), e.Next()
		b, _ := u.pick(w.hash, w.tried)
		switch {
		case b != nil:
			u.queue.Remove(e)
			w.place = nil
			w.granted(w, b)
		case len(w.tried) == 0:
			return
		}
		e = next
	}
}

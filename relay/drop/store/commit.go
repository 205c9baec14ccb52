package store

import (
	"slices"
	"sync"

	"relay/relay/sock"
)

// Group commit: files that are published at the same time share what it costs to make
// them durable. A journal is written once for all of a batch, because the writing of all
// their bytes is begun before any is waited for, and a directory is synced once for all
// that got a name in it.
//
// Whoever finds nobody at it leads: it commits all that has gathered, itself among them,
// and then hands the lead to one of those that came meanwhile.

// committer gathers the files of a store.
type committer struct {
	mu      sync.Mutex
	waiting []*pending
	led     bool
}

// pending is a file that waits to be published.
type pending struct {
	part  *Partial
	terms Terms
	done  Published
	err   error
	lead  bool
	ready chan struct{}
}

const (
	// batchMost bounds the files of a batch.
	batchMost = 256
	// aloneFrom is the size, in bytes, from which a file is synced before it joins a batch,
	// so that small ones do not wait for it.
	aloneFrom = 1 << 20
)

// commit makes a file durable, names it, and makes the name durable.
func (s *Store) commit(p *Partial, t Terms) (Published, error) {
	if info, errno := sock.Info(p.FD, true); errno == 0 && info.Size >= aloneFrom {
		if errno := s.calls.sync(p.FD); errno != 0 {
			return Published{}, errno
		}
	}
	me := &pending{part: p, terms: t, ready: make(chan struct{})}
	c := &s.committer
	c.mu.Lock()
	c.waiting = append(c.waiting, me)
	led := c.led
	c.led = true
	c.mu.Unlock()
	if led {
		<-me.ready
		if !me.lead {
			return me.done, me.err
		}
	}
	batch := c.take()
	s.publishAll(batch)
	for _, w := range batch {
		if w != me {
			close(w.ready)
		}
	}
	c.handOver()
	return me.done, me.err
}

func (c *committer) take() []*pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), batchMost)
	batch := slices.Clone(c.waiting[:n])
	c.waiting = slices.Delete(c.waiting, 0, n)
	return batch
}

func (c *committer) handOver() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		c.led = false
		return
	}
	next := c.waiting[0] // it stays in front, and so is in the batch that it takes
	next.lead = true
	close(next.ready)
}

func (s *Store) publishAll(batch []*pending) {
	if len(batch) > 1 {
		for _, w := range batch {
			sock.WriteBehind(w.part.FD, 0, 0)
		}
	}
	for _, w := range batch {
		if errno := s.calls.sync(w.part.FD); errno != 0 {
			w.err = errno
			continue
		}
		w.done, w.err = w.part.name(w.terms)
	}
	synced := map[sock.Identity]sock.Errno{}
	for _, w := range batch {
		if w.err != nil {
			continue
		}
		if errno := w.part.place.sync(func(dir int) sock.Errno { return s.syncOnce(dir, synced) }); errno != 0 {
			w.err = errno
			w.part.store.told.forget(transfer{w.terms.ID, w.part.path})
			if !w.done.Replaced && !w.done.Repeated {
				w.part.unname(w.done.Path)
			}
		}
	}
}

// syncOnce syncs a directory unless that was done for another file of the batch.
func (s *Store) syncOnce(dir int, synced map[sock.Identity]sock.Errno) sock.Errno {
	id, errno := sock.Identify(dir)
	if errno != 0 {
		return errno
	}
	if errno, ok := synced[id]; ok {
		return errno
	}
	errno = s.calls.sync(dir)
	synced[id] = errno
	return errno
}

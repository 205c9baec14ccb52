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
	ready chan struct{} // closed when it is published, or is to lead
}

const (
	// batchMost bounds the files of a batch.
	batchMost = 256
	// aloneFrom is the size, in bytes, from which a file is synced before it joins a batch,
	// so that small ones do not wait for it.
	aloneFrom = 1 << 20
)

// commit makes files durable, names them, and makes the names durable.
func (s *Store) commit(mine []*pending) {
	mine = slices.DeleteFunc(mine, func(w *pending) bool { return !s.syncLarge(w) })
	if len(mine) == 0 {
		return
	}
	c := &s.committer
	c.mu.Lock()
	c.waiting = append(c.waiting, mine...)
	led := c.led
	c.led = true
	c.mu.Unlock()
	if !led {
		s.commitBatch()
	}
	for _, w := range mine {
		if <-w.ready; w.lead {
			s.commitBatch()
		}
	}
}

// syncLarge syncs a file that the others of a batch are not to wait for; false says that it
// has failed.
func (s *Store) syncLarge(w *pending) bool {
	if w.part.info.Size < aloneFrom {
		return true
	}
	if errno := s.calls.sync(w.part.FD); errno != 0 {
		w.err = errno
		return false
	}
	return true
}

// commitBatch publishes those that have gathered, and hands the lead over.
func (s *Store) commitBatch() {
	c := &s.committer
	batch := c.take()
	s.publishAll(batch)
	for _, w := range batch {
		if !w.lead {
			close(w.ready)
		}
	}
	c.handOver()
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
	synced := map[reached]sock.Errno{}
	for _, w := range batch {
		if w.err != nil {
			continue
		}
		if errno := s.syncOnce(w.part.place, synced); errno != 0 {
			w.err = errno
			w.part.store.told.forget(transfer{w.terms.ID, w.part.path})
			if !w.done.Replaced && !w.done.Repeated {
				w.part.unname(w.done.Path)
			}
		}
	}
}

// reached is a directory, and the path to it, of which more than the directory may be new.
type reached struct {
	sock.Identity
	path string
}

// syncOnce is syncPlace, unless that was done for another file of the batch.
func (s *Store) syncOnce(p *place, synced map[reached]sock.Errno) sock.Errno {
	key := reached{p.id, p.path}
	if errno, ok := synced[key]; ok {
		return errno
	}
	errno := s.syncPlace(p)
	synced[key] = errno
	return errno
}

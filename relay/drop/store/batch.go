package store

import (
	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// Batch is files that are stored and published together: what it costs to make them durable
// is paid once, and a directory that several go into is opened once. It is not safe for
// concurrent use. Publish empties it.
type Batch struct {
	store  *Store
	most   int // files and directories that it has open, roughly
	places map[string]*place
	gone   []*place // directories that were removed, and are files' all the same
	files  []*pending
}

// Outcome is what has become of a file of a batch.
type Outcome struct {
	Published
	Err error
}

const (
	// OpenMost bounds the files and directories that a batch has open, roughly.
	OpenMost = 160
	// openUnsynced is the same where nothing is won by more: they need not be synced.
	openUnsynced = 32
)

// Batch makes an empty one, which has at most so many files and directories open, roughly, and
// no more than OpenMost.
func (s *Store) Batch(most int) *Batch {
	if !s.durable {
		most = min(most, openUnsynced)
	}
	return &Batch{store: s, most: min(most, OpenMost), places: map[string]*place{}}
}

// Full reports that Publish is to come before more is begun.
func (b *Batch) Full() bool { return len(b.files)+len(b.places)+len(b.gone) >= b.most }

// Begin is Begin of the store. What it gives is added to the batch, or abandoned before that
// is published.
func (b *Batch) Begin(path string, size int64) (*Partial, error) {
	if !goodName(path) {
		return nil, ErrName
	}
	dir, _ := split(path)
	at, err := b.place(dir)
	if err != nil {
		return nil, err
	}
	p, err := b.store.begin(at, path, size)
	if err != nil && at.isGone() { // since the file before
		b.gone = append(b.gone, at)
		delete(b.places, dir)
		if at, err = b.place(dir); err != nil {
			return nil, err
		}
		p, err = b.store.begin(at, path, size)
	}
	if err == nil {
		p.shares = true
	}
	return p, err
}

func (b *Batch) place(dir string) (at *place, err error) {
	if at := b.places[dir]; at != nil {
		return at, nil
	}
	if at, err = b.store.place(dir); err == nil {
		b.places[dir] = at
	}
	return at, err
}

// Add has a file published with the others.
func (b *Batch) Add(p *Partial, t Terms) {
	b.files = append(b.files, &pending{part: p, terms: t, ready: make(chan struct{})})
}

// Publish publishes what was added, each as Partial.Publish does, and tells what became of it
// in the same order.
func (b *Batch) Publish() []Outcome {
	b.follow()
	b.store.publish(b.files)
	all := make([]Outcome, len(b.files))
	for i, w := range b.files {
		all[i] = Outcome{w.done, w.err}
	}
	for _, at := range b.places {
		at.close()
	}
	for _, at := range b.gone {
		at.close()
	}
	clear(b.places)
	b.files, b.gone = b.files[:0], b.gone[:0]
	return all
}

// follow has the files of directories that were moved meanwhile go where their paths lead now.
func (b *Batch) follow() {
	for path, at := range b.places {
		if b.store.leadsTo(path, at) {
			continue
		}
		for _, w := range b.files {
			if w.part.place == at {
				w.err = w.part.Follow()
			}
		}
	}
}

// leadsTo reports that a path still is that of this directory.
func (s *Store) leadsTo(path string, at *place) bool {
	fd, errno := sock.OpenBeneath(s.dir, path, unix.O_PATH|unix.O_DIRECTORY, false)
	if errno != 0 {
		return false
	}
	defer sock.Close(fd)
	id, errno := sock.Identify(fd)
	return errno == 0 && id == at.id
}

// publish ends files that one goroutine has. One that has an error already is not published.
func (s *Store) publish(mine []*pending) {
	waits := make([]*pending, 0, len(mine))
	for _, w := range mine {
		if w.err != nil {
			continue
		}
		if errno := w.part.finishFile(w.terms); errno != 0 {
			w.err = errno
		} else if s.durable {
			waits = append(waits, w)
		} else {
			w.done, w.err = w.part.name(w.terms)
		}
	}
	s.commit(waits)
	for _, w := range mine {
		w.end()
	}
}

// end closes a file, and removes it if it was not published.
func (w *pending) end() {
	p := w.part
	if (w.err != nil || w.done.Repeated) && p.hidden != "" && !p.named {
		_ = unix.Unlinkat(p.place.dir, p.hidden, 0)
	}
	p.close()
}

// isGone reports that a directory was removed while it was open.
func (p *place) isGone() bool {
	info, errno := sock.Info(p.dir, false)
	return errno == 0 && info.Links == 0
}

package drop

import (
	"sync"
	"sync/atomic"
	"time"

	"relay/relay/drop/store"
)

// ongoing is an upload that may take several requests. One request at a time owns it;
// a new one ends the one before, which is dead to its client, and goes on when that has
// let go. All but mu's own is the owner's, and the path, which stays.
type ongoing struct {
	id string
	in *registry

	mu      sync.Mutex
	held    bool
	owner   claim   // zero = nobody's request: the upkeep looks at it, for a moment
	waiting []claim // who wants it, the first in front

	gone    bool // deleted, or given up
	changed bool // since the state was written
	offset  int64
	state   resumeState
	trail   *trail // of the bytes so far, when nobody is at the file
	// arriving is nil before the upload was told of; it was once in the life of a process.
	arriving *Arriving

	saving sync.Mutex     // held by a worker that writes the state, or closes the file
	part   *store.Partial // guarded by saving
	lost   error          // guarded by saving: the disk did not take what is in it
	listed bool           // guarded by saving: the disk knows where it is

	checkpointing atomic.Bool // a worker is at it, or is about to be
	// came is how many bytes the request under way has put into the file: they are among those
	// for which it has set room aside.
	came atomic.Int64
}

// claim is a request that owns an upload or wants to.
type claim struct {
	conns *Conns
	id    uint64 // of the connection
	run   func() // on its loop, when it is the owner
}

// seize has run called on the loop of c as soon as c owns the upload.
func (o *ongoing) seize(c *Conn, run func()) {
	mine := claim{c.in, c.id, run}
	o.mu.Lock()
	if !o.held {
		o.held, o.owner = true, mine
		o.mu.Unlock()
		run()
		return
	}
	o.waiting = append(o.waiting, mine)
	before := o.owner
	o.mu.Unlock()
	if before.conns != nil {
		before.conns.loop.Post(func() { before.conns.takeFrom(before.id, o) })
	}
}

// wanted reports that a newer request waits.
func (o *ongoing) wanted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting) > 0
}

// takeFrom ends the request that brings an upload, if it still does. One that a worker
// completes or reads is not waited for any longer than that takes.
func (cs *Conns) takeFrom(id uint64, o *ongoing) {
	for c := cs.newest; c != nil; c = c.older {
		if c.id == id && c.up != nil && c.up.o == o && (c.state == receiving || c.state == storing) {
			c.finish(TakenOver)
			return
		}
	}
}

// release gives the upload to who waits for it.
func (o *ongoing) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		o.held, o.owner = false, claim{}
		return
	}
	o.owner, o.waiting = o.waiting[0], o.waiting[1:]
	next := o.owner
	next.conns.loop.Post(next.run)
	if len(o.waiting) > 0 { // and that one is dead already, if it brings content
		next.conns.loop.Post(func() { next.conns.takeFrom(next.id, o) })
	}
}

// tryHold owns the upload if nobody does.
func (o *ongoing) tryHold() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.held {
		return false
	}
	o.held = true
	return true
}

// registry is what is known of the uploads of one directory. The drops that serve it
// share it: a reload makes new drops.
type registry struct {
	mu       sync.Mutex
	all      map[string]*ongoing
	usage    usage
	ages     ages
	messages atomic.Int64 // bytes of messages that arrive
	swept    atomic.Bool  // a walk has removed what an earlier process left
}

// registries are those of the directories.
var registries = store.NewShared(func() *registry { return &registry{all: map[string]*ongoing{}, ages: newAges()} })

// find looks an upload up, in memory and then on the disk: it is a worker's to call.
func (r *registry) find(s *store.Store, id string) (*ongoing, error) {
	if len(id) != idDigits || !isHex(id) {
		return nil, store.ErrNotFound
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.all[id]; o != nil {
		return o, nil
	}
	state, err := readState(s, id)
	if err != nil {
		return nil, err
	}
	o := &ongoing{id: id, in: r, state: state}
	o.state.Expires = time.Now().Add(time.Until(o.state.Expires)) // by the monotonic clock from here on
	r.makeRoom()
	r.all[id] = o
	return o, nil
}

// add enters a new upload, which its maker holds. false says that there are too many.
func (r *registry) add(o *ongoing) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.makeRoom(); len(r.all) >= ongoingMost {
		return false
	}
	r.all[o.id] = o
	return true
}

// came is how many bytes of the files that are found by a walk were set aside as well.
func (r *registry) came() (bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.all {
		bytes += o.came.Load()
	}
	return bytes
}

// makeRoom forgets uploads that are complete when there are many, with mu held: the disk knows
// of them until they expire, for who has missed the answer.
func (r *registry) makeRoom() {
	if len(r.all) < ongoingMost {
		return
	}
	for id, o := range r.all {
		if o.restsComplete() {
			delete(r.all, id)
		}
	}
}

// restsComplete reports that it is complete, and nobody's.
func (o *ongoing) restsComplete() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.held && o.state.Done != nil
}

func (r *registry) remove(o *ongoing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, o.id)
}

// ongoingMost bounds the uploads of a directory that are not complete.
const ongoingMost = 16 << 10

// expire removes the uploads whose time is over, and reports how many. None has more time
// than most: the clock may have been set back since it began.
func (r *registry) expire(s *store.Store, now time.Time, most time.Duration) (n int) {
	ids, err := s.States()
	if err != nil {
		return 0
	}
	for _, id := range ids {
		o, err := r.find(s, id)
		if err != nil || !o.tryHold() {
			continue
		}
		if left := o.state.Expires.Sub(now); left > most {
			o.state.Expires = now.Add(most)
		} else if left < 0 && !o.gone {
			o.remove(s)
			n++
		}
		o.release()
	}
	return n
}

func isHex(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

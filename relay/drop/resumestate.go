package drop

import (
	"encoding"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"relay/relay/drop/bundle"
	"relay/relay/drop/digest"
	"relay/relay/drop/store"
)

// resumeState is what outlives the process of an upload. Names are bytes, and so are
// written as base64.
type resumeState struct {
	Path    []byte
	Length  int64       // of the whole file, in bytes; -1 = not known yet
	Offset  int64       // bytes that are durable
	Boot    string      // of the machine, when Offset was written
	Header  http.Header // of the request that began it: what the file is published with
	Expires time.Time
	Hashed  int64             // bytes that the digests below are of
	Hashes  map[string][]byte // their states, by the algorithm
	Wanted  []string          // algorithms that are computed
	Done    *doneState        // the file was published
	Gone    bool              // it is to be removed, or was
	Naming  bool              // it is about to get its name, or has it
}

// doneState is told again to a client that has missed the answer.
type doneState struct {
	Path      []byte
	Replaced  bool
	Size      int64
	Sec, Nsec int64
}

func newDoneState(p store.Published) *doneState {
	return &doneState{[]byte(p.Path), p.Replaced, p.Info.Size, p.Info.Sec, p.Info.Nsec}
}

// publishFields are the fields of a request that count when the file is published.
var publishFields = []string{
	"X-Oc-Mtime", "X-Relay-Mode", "Repr-Digest", "Digest", "Want-Repr-Digest", "If-Match", "If-None-Match", "If-Unmodified-Since", bundle.Via,
}

// mergeFields is what the request that completes an upload says, and else what the one
// that began it said.
func mergeFields(first, last http.Header) http.Header {
	all := http.Header{}
	for _, h := range []http.Header{first, last} {
		for _, name := range publishFields {
			if list := h[name]; len(list) > 0 {
				all[name] = list
			}
		}
	}
	return all
}

// bootID tells one run of the machine from another. While it lasts, what was written to a
// file is in it, also when the writing process was killed; after a loss of power only
// what was synced is.
var bootID = sync.OnceValue(func() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
})

// save writes the state; it is a worker's to call, with saving held.
func (o *ongoing) save(s *store.Store) error {
	o.state.Boot = bootID()
	text, err := json.Marshal(&o.state)
	if err != nil {
		return err
	}
	return s.SaveState(o.id, text)
}

// readState reads what save has written; ErrNotFound says that there is nothing.
func readState(s *store.Store, id string) (state resumeState, err error) {
	text, err := s.LoadState(id)
	if err == nil && json.Unmarshal(text, &state) != nil {
		err = store.ErrNotFound // another version wrote it, or nobody
	}
	return state, err
}

// open opens the file for the owner, and finds out how much of it there is: all that was
// written, unless the machine was started anew since. What is told is durable. An upload
// that was about to get its name, and whose file is gone, has it: the hidden name became
// its own in one step. Before that somebody has taken the file away, with its directory.
func (o *ongoing) open(s *store.Store) error {
	o.saving.Lock()
	defer o.saving.Unlock()
	if o.gone {
		return store.ErrNotFound
	}
	if o.state.Done != nil {
		return nil
	}
	if o.state.Gone {
		o.abandon(s)
		return store.ErrNotFound
	}
	part, size, err := s.Reopen(string(o.state.Path), o.id)
	if err == store.ErrNotFound {
		return o.findPublished(s)
	}
	if err != nil {
		return err
	}
	return o.goOn(s, part, size)
}

// findPublished notes as what the upload was published, with saving held. The process before
// this one may have completed it after an upgrade, when its state was known here already.
func (o *ongoing) findPublished(s *store.Store) error {
	if now, err := readState(s, o.id); err == nil {
		o.state.Done, o.state.Naming = now.Done, o.state.Naming || now.Naming
	}
	if o.state.Done != nil {
		return nil
	}
	done, ok := s.FindMarked(string(o.state.Path), o.id)
	if !ok && !o.state.Naming {
		o.abandon(s)
		return store.ErrNotFound
	}
	if !ok { // somebody has taken it already
		done.Path, done.Info.Size = string(o.state.Path), max(o.state.Length, 0)
	}
	o.state.Done = newDoneState(done)
	return o.save(s)
}

// goOn takes the file up again, which holds so many bytes, with saving held. On an error
// the file is closed, and gone if the disk has lost of it.
func (o *ongoing) goOn(s *store.Store, part *store.Partial, size int64) (err error) {
	o.part = part
	if o.state.Boot != bootID() {
		size = min(size, o.state.Offset)
		err = part.Cut(size)
	}
	if err == nil {
		if err = o.sync(s); err != nil {
			o.abandon(s)
			return err
		}
	}
	if err == nil && (size != o.state.Offset && s.Durable() || o.state.Naming) {
		o.durable(s, size)
		o.state.Naming = false
		err = o.save(s)
	}
	if err != nil {
		o.part = nil
		part.Suspend()
		return err
	}
	o.offset = size
	if o.state.Hashed > size { // of what was cut off: other bytes may come in its place
		o.state.Hashes, o.state.Hashed = nil, 0
	}
	if o.trail == nil {
		o.trail = o.state.trail()
	}
	return nil
}

// suspend closes the file and keeps what is known of it. durable says that the bytes are
// to be.
func (o *ongoing) suspend(s *store.Store, durable bool) error {
	o.saving.Lock()
	defer o.saving.Unlock()
	if o.part == nil {
		return nil
	}
	var err error
	before := o.state.Offset
	o.trail = o.trail.handOver()
	if durable {
		if err = o.sync(s); err == nil {
			o.durable(s, o.offset)
		}
	}
	if o.changed || err != nil || o.state.Offset != before {
		o.state.keep(o.trail)
		if e := o.save(s); err == nil {
			err = e
		}
		o.changed = false
	}
	o.arriving.rest()
	o.part.Suspend()
	o.part = nil
	return err
}

// durable notes that so many bytes were synced, if they were: after a restart of the machine
// a store that is not durable vouches for none.
func (o *ongoing) durable(s *store.Store, size int64) {
	if s.Durable() {
		o.state.Offset = size
	}
}

// checkpoint makes durable what there is, beside the transfer that goes on, so that a
// loss of power costs no more than what came since.
//
// It is for one opening of the file: when that is over, the store may be as well.
func (o *ongoing) checkpoint(s *store.Store, part *store.Partial, offset int64) {
	defer o.checkpointing.Store(false)
	o.saving.Lock()
	defer o.saving.Unlock()
	if o.part != part || o.sync(s) != nil {
		return
	}
	o.state.Offset = offset
	_ = o.save(s) // what cannot be written now is not told either
}

// sync makes the file durable, with saving held, and before the first time that it says so the
// file's name. Of what the disk did not take the kernel tells once, and the next fsync(2)
// succeeds without it: so an error stays, and the upload comes to nothing.
func (o *ongoing) sync(s *store.Store) error {
	if o.lost == nil {
		o.lost = o.part.Sync()
	}
	if o.lost == nil && !o.listed {
		o.lost = o.part.SyncName()
		o.listed = o.lost == nil && s.Durable()
	}
	return o.lost
}

// remove deletes the upload and its file.
func (o *ongoing) remove(s *store.Store) {
	o.saving.Lock()
	defer o.saving.Unlock()
	o.abandon(s)
}

// abandon removes the file, with saving held. That it is to be gone is noted first: a
// file that is gone without such a note was published.
func (o *ongoing) abandon(s *store.Store) {
	o.trail.stop()
	o.arriving.end(store.Published{})
	if o.state.Done == nil {
		o.state.Gone = true
		_ = o.save(s) // if that cannot be written, the upload is told to be complete only after a crash right now
		if o.part == nil {
			o.part, _, _ = s.Reopen(string(o.state.Path), o.id)
		}
	}
	if o.part != nil {
		o.part.Abandon()
		o.part = nil
	}
	o.forget(s)
}

func (o *ongoing) forget(s *store.Store) {
	o.gone, o.trail = true, nil
	s.DropState(o.id)
	o.in.remove(o)
}

// publish gives the file its name, and notes that.
func (o *ongoing) publish(s *store.Store, t store.Terms) (store.Published, error) {
	o.saving.Lock()
	defer o.saving.Unlock()
	if o.lost != nil {
		err := o.lost
		o.abandon(s)
		return store.Published{}, err
	}
	part := o.part
	if err := part.Follow(); err != nil {
		o.abandon(s)
		return store.Published{}, err
	}
	o.part, o.state.Naming = nil, true
	_ = o.save(s) // else the file comes once more, should the process end right now and somebody take it
	done, err := part.Publish(t)
	if err != nil {
		o.abandon(s)
		return done, err
	}
	o.state.Done, o.state.Hashes, o.trail = newDoneState(done), nil, nil
	_ = o.save(s) // the mark in the file tells it as well
	return done, nil
}

// trail goes on with the digests where the state has them. One whose state cannot be kept
// (xxh3) begins anew: it reads once more what is there.
func (s *resumeState) trail() *trail {
	var by []digest.Algorithm
	for _, name := range s.Wanted {
		for a := digest.XXH3; a <= digest.SHA512; a++ {
			if a.String() == name {
				by = append(by, a)
			}
		}
	}
	t := newTrail(by...)
	if t == nil {
		return nil
	}
	for i, a := range t.by {
		state := s.Hashes[a.String()]
		u, ok := t.to[i].(encoding.BinaryUnmarshaler)
		if !ok || state == nil || u.UnmarshalBinary(state) != nil {
			return newTrail(by...)
		}
	}
	t.at.Store(s.Hashed)
	t.mark.Store(s.Hashed)
	return t
}

// keep notes how far the digests are.
func (s *resumeState) keep(t *trail) {
	s.Hashes, s.Hashed = nil, 0
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	all := map[string][]byte{}
	for i, a := range t.by {
		m, ok := t.to[i].(encoding.BinaryMarshaler)
		if !ok {
			return
		}
		state, err := m.MarshalBinary()
		if err != nil {
			return
		}
		all[a.String()] = state
	}
	s.Hashes, s.Hashed = all, t.at.Load()
}

package store

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// A sender that has missed the answer to a file sends it again, under the id that it gave
// the file (Terms.ID), and is to be told what it would have been told: the file must not
// appear twice, nor be in its own way. Three things remember ids. The file has its own as
// an attribute, which is durable when the file is. Who takes the file away by way of the
// store leaves a note in its place. And who takes it away otherwise cannot take it out of
// the memory of this process.

// told remembers the files of a directory that came with an id, the last ones.
type told struct {
	mu   sync.Mutex
	by   map[transfer]remembered
	ring [toldMost]transfer // those in by, each once, and places that are free again
	next int                // the oldest place

	notes atomic.Int64 // that there are, at most
}

// transfer is a file that somebody sends: its id, and where it was to go. Whoever sends
// elsewhere under the same id is somebody else.
type transfer struct{ id, path string }

// remembered is what became of it.
type remembered struct {
	Published
	at int // its place in the ring
}

// toldMost bounds what is remembered of a directory: of the files that arrive while a
// sender finds out that it has missed an answer.
const toldMost = 16 << 10

func newTold() *told { return &told{by: map[transfer]remembered{}} }

// tolds are the memories of the directories.
var tolds = NewShared(newTold)

func (t *told) find(of transfer) (Published, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one, ok := t.by[of]
	return one.Published, ok
}

func (t *told) add(of transfer, done Published) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(of)
	t.drop(t.ring[t.next])
	t.ring[t.next] = of
	t.by[of] = remembered{done, t.next}
	t.next = (t.next + 1) % toldMost
}

func (t *told) forget(of transfer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(of)
}

// drop forgets under the lock. A place that is left to a file which is not remembered would
// be its own again when it is, and take it away early.
func (t *told) drop(of transfer) {
	if one, ok := t.by[of]; ok {
		t.ring[one.at] = transfer{}
		delete(t.by, of)
	}
}

// Repeats says what became of a file that was to be published as path and came with this
// id, if there was one.
func (s *Store) Repeats(path, id string) (done Published, ok bool) {
	return s.repeats(path, id, true)
}

// repeats need not look for the file itself where nothing has its name.
func (s *Store) repeats(path, id string, taken bool) (done Published, ok bool) {
	if id == "" || !goodName(path) {
		return done, false
	}
	if done, ok = s.told.find(transfer{id, path}); !ok && taken {
		done, ok = s.FindMarked(path, id)
	}
	if !ok {
		done, ok = s.noted(path, id)
	}
	done.Repeated = ok
	return done, ok
}

// toldSuffix ends the name of a note of a file that was taken away, among the states of
// uploads.
const toldSuffix = ".told"

// note remembers the id of a file that is about to be taken away. One that cannot be
// written is in nobody's way: what makes room must not need some. There is a bound, since no
// quota counts them; memory knows the last ones anyway.
func (s *Store) note(dir int, base, path string) {
	if s.told.notes.Load() >= toldMost {
		return
	}
	fd, errno := openat(dir, base, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if errno != 0 {
		return
	}
	defer sock.CloseFile(fd)
	id := idOf(fd)
	info, errno := sock.Info(fd, false)
	if id == "" || errno != 0 || strings.ContainsAny(id, "/\x00") || s.hasState(id) {
		return // it came without one, or as an upload that has a state
	}
	text := fmt.Sprintf("%d %d %d %s", info.Size, info.Sec, info.Nsec, path)
	if s.SaveState(id+toldSuffix, []byte(text)) == nil {
		s.told.notes.Add(1)
	}
}

// noted reads a note. It is of a file in the same directory, under its own name or one
// beside it.
func (s *Store) noted(path, id string) (done Published, ok bool) {
	text, err := s.LoadState(id + toldSuffix)
	if err != nil {
		return done, false
	}
	i := &done.Info
	if n, _ := fmt.Sscanf(string(text), "%d %d %d ", &i.Size, &i.Sec, &i.Nsec); n < 3 {
		return done, false
	}
	const numbers = 4
	done.Path = strings.SplitN(string(text), " ", numbers)[numbers-1]
	if !beside(path, done.Path) {
		return Published{}, false
	}
	return done, true
}

// beside reports that other is a path, or what another file gets in its place, see numbered.
func beside(path, other string) bool {
	above, base := split(path)
	dir, name := split(other)
	if dir != above || name == base {
		return dir == above
	}
	var n int
	i := strings.LastIndex(name, " (")
	if i < 0 {
		return false
	}
	if _, err := fmt.Sscanf(name[i:], " (%d)", &n); err != nil {
		return false
	}
	return name == numbered(base, n)
}

// Forget removes notes that are older than this.
func (s *Store) Forget(before time.Time) {
	change := -s.told.notes.Load()
	names, err := s.States()
	if err != nil {
		return
	}
	dir, errno := s.states(false)
	if errno != 0 {
		return
	}
	defer sock.Close(dir)
	for _, name := range names {
		var st unix.Stat_t
		if !strings.HasSuffix(name, toldSuffix) || unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			continue
		}
		if time.Unix(st.Mtim.Unix()).Before(before) && unix.Unlinkat(dir, name, 0) == nil {
			continue
		}
		change++
	}
	s.told.notes.Add(change) // what was noted meanwhile counts, maybe twice until the next time
}

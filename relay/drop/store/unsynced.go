package store

import (
	"maps"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// unsynced are the directories that have got new ones in them, of which the disk may not know
// yet. Whoever publishes a file beneath one syncs it before he says that the file is durable,
// also if another made it, whose own file has come to nothing.
type unsynced struct {
	mu   sync.Mutex
	turn uint64
	dirs map[string]news // by path
}

// news is what is new in a directory.
type news struct {
	turn   uint64 // when that changed last
	making int    // who are making something in it just now
}

// unsyncedMost bounds them: beyond it a directory is synced as soon as it has got another.
const unsyncedMost = 4 << 10

// unsynceds are those of the directories that are served.
var unsynceds = NewShared(newUnsynced)

// newUnsynced begins with the directory that is served: an earlier process may have made the one
// of the states in it, and been killed.
func newUnsynced() *unsynced { return &unsynced{dirs: map[string]news{".": {}}} }

// begin says that a directory is about to get another: who sees that one already answers for
// it. false says that there are too many.
func (u *unsynced) begin(path string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	n, known := u.dirs[path]
	if !known && len(u.dirs) >= unsyncedMost {
		return false
	}
	u.change(path, n, 1)
	return true
}

// end says that it has got it.
func (u *unsynced) end(path string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.change(path, u.dirs[path], -1)
}

func (u *unsynced) change(path string, n news, making int) {
	u.turn++
	u.dirs[path] = news{u.turn, max(n.making+making, 0)} // it may have been moved meanwhile
}

// above finds those that a path is beneath, the outermost first, and their turns.
func (u *unsynced) above(path string) (dirs []string, turns []uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.dirs) == 0 || path == "." {
		return nil, nil
	}
	for dir, i := ".", 0; ; {
		if n, is := u.dirs[dir]; is {
			dirs, turns = append(dirs, dir), append(turns, n.turn)
		}
		n := strings.IndexByte(path[i:], '/')
		if n < 0 {
			return dirs, turns
		}
		i += n + 1
		dir = path[:i-1]
	}
}

// synced forgets a directory, unless something has changed since that turn.
func (u *unsynced) synced(path string, turn uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if n := u.dirs[path]; n.turn == turn && n.making == 0 {
		delete(u.dirs, path)
	}
}

// makeDirectory makes a directory, of which whoever uses it will tell the disk.
func (s *Store) makeDirectory(parent int, above, base string, mode uint32) sock.Errno {
	noted := s.unsynced.begin(above) // also for other stores of this directory, which may be durable
	errno := retry(func() error { return unix.Mkdirat(parent, base, mode) })
	if noted {
		s.unsynced.end(above)
	} else if errno == 0 && s.durable {
		errno = s.calls.sync(parent)
	}
	return errno
}

// moved says that a directory has another path, with all in it.
func (u *unsynced) moved(from, to string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for dir, n := range maps.Clone(u.dirs) {
		if rest, beneath := strings.CutPrefix(dir, from); beneath && (rest == "" || rest[0] == '/') {
			delete(u.dirs, dir)
			u.dirs[to+rest] = news{turn: n.turn} // who makes something in it ends that under the old path
		}
	}
}

// syncAbove makes durable that there is a directory of this path.
func (s *Store) syncAbove(path string) sock.Errno {
	dirs, turns := s.unsynced.above(path)
	for i, dir := range dirs {
		errno := s.syncPath(dir)
		if errno != 0 && errno != unix.ENOENT && errno != unix.ENOTDIR { // it is somewhere else now
			return errno
		}
		s.unsynced.synced(dir, turns[i])
	}
	return 0
}

// syncEvery makes durable all that leads to a directory, whoever made it.
func (s *Store) syncEvery(path string) (errno sock.Errno) {
	for above := path; errno == 0 && above != "."; {
		above, _ = split(above)
		errno = s.syncPath(above)
	}
	return errno
}

func (s *Store) syncPath(path string) sock.Errno {
	fd, errno := sock.OpenBeneath(s.dir, path, directoryFlags, false)
	if errno != 0 {
		return errno
	}
	defer sock.Close(fd)
	return s.calls.sync(fd)
}

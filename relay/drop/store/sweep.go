package store

import (
	"cmp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// Census is what a walk through the store found.
type Census struct {
	Files  int64
	Bytes  int64 // of all files, hidden ones too
	Strays int   // hidden files of a process that is gone, which were removed
}

// Seen is a file that a walk came by.
type Seen struct {
	Path    string
	Size    int64
	Arrived time.Time // when it got its name, or its name or attributes were changed last
	ino     uint64
}

func seen(path string, st *unix.Stat_t) Seen {
	return Seen{path, st.Size, time.Unix(st.Ctim.Unix()), st.Ino}
}

// RemoveSeen takes away a file that a walk came by. ErrPrecondition says that it is another
// one by now, or was changed.
func (s *Store) RemoveSeen(f Seen) error {
	return s.remove(f.Path, func(dir int, base string) bool {
		var st unix.Stat_t
		return unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && seen(f.Path, &st) == f
	})
}

// Sweep walks through the store. It removes the hidden files that nobody is at and that
// no state speaks of, and states that were not written to their end: a process that was
// killed while it filled or published them left them behind. Uploads that have a state stay,
// without the space that was reserved for them. (Whoever is at a file holds a lock on it,
// which ends with its process; and nothing is touched that has come since the process serves
// this directory. A time to come is no age: the clock was set back since.)
//
// each, if it is not nil, is told of every file that readers see; stop ends the walk.
func (s *Store) Sweep(each func(Seen), stop func() bool) (Census, error) {
	w := walk{store: s, each: each, stop: stop, buf: make([]byte, 32<<10)}
	w.states()
	if errno := w.directory(""); errno != 0 {
		return Census{}, asError(errno)
	}
	return w.Census, nil
}

type walk struct {
	Census
	store *Store
	each  func(Seen)
	stop  func() bool
	buf   []byte
}

// directory looks at one directory: "", or a path with a slash at its end. Those in it come
// after its files, so that one descriptor is open, however deep the tree is that clients
// have made. What goes away meanwhile is no error, and neither is a path that is too long
// for anybody to name.
func (w *walk) directory(path string) sock.Errno {
	fd, errno := sock.OpenBeneath(w.store.dir, cmp.Or(path, "."), directoryFlags, false)
	if errno != 0 {
		return errno
	}
	var below []string
	w.names(fd, func(name string) {
		if w.entry(fd, path, name) {
			below = append(below, name)
		}
	})
	sock.Close(fd)
	for _, name := range below {
		_ = w.directory(path + name + "/")
	}
	return 0
}

// entry looks at one name; true says that it is a directory to be walked.
func (w *walk) entry(dir int, above, name string) bool {
	var st unix.Stat_t
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return false
	}
	ours := strings.HasPrefix(name, Reserved)
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return !ours
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return false
	case ours && strings.HasSuffix(name, partSuffix) && w.stray(dir, name, &st):
		w.Strays++
		return false
	}
	w.Bytes += st.Size
	if !ours {
		w.Files++
		if w.each != nil {
			w.each(seen(above+name, &st))
		}
	}
	return false
}

// states removes what was to become the state of an upload.
func (w *walk) states() {
	dir, errno := w.store.states(false)
	if errno != 0 {
		return // there are none
	}
	defer sock.Close(dir)
	w.names(dir, func(name string) {
		var st unix.Stat_t
		if strings.HasSuffix(name, freshSuffix) && unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && w.stray(dir, name, &st) {
			w.Strays++
		}
	})
}

// names calls visit with each name in a directory, until the walk is stopped.
func (w *walk) names(dir int, visit func(name string)) {
	var names []string
	for !w.stop() {
		n, err := unix.ReadDirent(dir, w.buf)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 {
			return
		}
		_, _, names = unix.ParseDirent(w.buf[:n], -1, names[:0])
		for _, name := range names {
			visit(name)
		}
	}
}

// young reports that a file has come since this process serves the directory.
func (s *Store) young(st *unix.Stat_t) bool {
	const sooner = time.Minute // than the clock of a file system can be
	at := time.Unix(st.Ctim.Unix())
	return !at.Before(s.began) && at.Before(time.Now().Add(sooner))
}

// stray removes a hidden file that nobody is at.
func (w *walk) stray(dir int, name string, st *unix.Stat_t) bool {
	if w.store.young(st) {
		return false
	}
	fd, errno := openat(dir, name, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errno != 0 {
		return false
	}
	defer sock.CloseFile(fd)
	if w.spokenOf(name) { // looked at before the lock, which a request for it may want now, and after
		giveBack(fd, st)
		return false
	}
	if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil || w.spokenOf(name) {
		return false
	}
	return unix.Unlinkat(dir, name, 0) == nil
}

// giveBack frees what a process that was killed had reserved for an upload and not filled:
// one that rests holds no more than what has come (see Suspend).
func giveBack(fd int, st *unix.Stat_t) {
	if !hasMore(st) || unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil {
		return
	}
	if info, errno := sock.Info(fd, false); errno == 0 {
		_ = unix.Ftruncate(fd, info.Size) // what stays reserved is freed with the file
	}
}

// hasMore reports that space is reserved for a file behind what is in it.
func hasMore(st *unix.Stat_t) bool {
	const block = 512 // of stat(2), whatever the file system's are
	return st.Blocks*block >= st.Size+reserveFrom
}

// spokenOf reports that a state speaks of a hidden file.
func (w *walk) spokenOf(name string) bool {
	id, isPart := strings.CutSuffix(strings.TrimPrefix(name, Reserved), partSuffix)
	return isPart && w.store.hasState(id)
}

func (s *Store) hasState(id string) bool {
	_, err := s.LoadState(id)
	return err == nil
}

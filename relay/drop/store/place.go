package store

import (
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// place is the directory that a file goes into.
type place struct {
	path string
	dir  int // open for reading, so that it can be synced; owned
	id   sock.Identity
}

// close gives the descriptor back.
func (p *place) close() {
	if p.dir >= 0 {
		sock.Close(p.dir)
		p.dir = -1
	}
}

// place opens the directory of this path beneath the store, and makes what is missing
// of it. Symbolic links are followed as far as they stay beneath.
func (s *Store) place(path string) (*place, error) {
	dir, errno := s.enter(path)
	return s.placeAt(path, dir, errno)
}

// placeAt makes a place of a directory that was opened.
func (s *Store) placeAt(path string, dir int, errno sock.Errno) (*place, error) {
	p := &place{path: path, dir: dir}
	if errno == 0 {
		p.id, errno = sock.Identify(dir)
	}
	if errno != 0 {
		p.close()
		return nil, asError(errno)
	}
	return p, nil
}

const directoryFlags = unix.O_RDONLY | unix.O_DIRECTORY

// enter opens a directory, and makes what is missing of its path from the last part on that
// is there.
func (s *Store) enter(path string) (dir int, errno sock.Errno) {
	dir, errno = sock.OpenBeneath(s.dir, path, directoryFlags, false)
	if errno != unix.ENOENT || path == "." {
		return dir, errno
	}
	parts := strings.Split(path, "/")
	upTo := func(n int) string {
		if n == 0 {
			return "."
		}
		return strings.Join(parts[:n], "/")
	}
	missing := 1 + sort.Search(len(parts)-1, func(i int) bool {
		fd, errno := sock.OpenBeneath(s.dir, upTo(i+1), unix.O_PATH|unix.O_DIRECTORY, false)
		sock.Close(fd)
		return errno != 0
	})
	dir, errno = sock.OpenBeneath(s.dir, upTo(missing-1), directoryFlags, false)
	for n := missing; errno == 0 && n <= len(parts); n++ {
		parent := dir
		errno = s.makeDirectory(parent, upTo(n-1), parts[n-1], 0o777)
		switch errno {
		case 0:
			dir, errno = sock.OpenBeneath(parent, parts[n-1], directoryFlags, false)
		case unix.EEXIST: // somebody else was faster, or a link leads nowhere
			dir, errno = sock.OpenBeneath(s.dir, upTo(n), directoryFlags, false)
		}
		sock.Close(parent)
	}
	if errno != 0 {
		return -1, errno
	}
	return dir, 0
}

// syncPlace makes durable that a directory is there, and what it lists.
func (s *Store) syncPlace(p *place) sock.Errno {
	if errno := s.syncAbove(p.path); errno != 0 {
		return errno
	}
	return s.calls.sync(p.dir)
}

// Follow has a file that took its time go where its path leads now: its directory may have
// been renamed or removed meanwhile, and is made again then.
func (p *Partial) Follow() error {
	dir, _ := split(p.path)
	now, err := p.store.place(dir)
	if err != nil {
		return err
	}
	if p.place.id == now.id {
		now.close()
		return nil
	}
	if p.hidden != "" {
		if errno := retry(func() error { return unix.Renameat(p.place.dir, p.hidden, now.dir, p.hidden) }); errno != 0 {
			now.close()
			return asError(errno)
		}
	}
	if !p.shares {
		p.place.close()
	}
	p.place, p.shares = now, false
	return nil
}

// goodName reports that a file may have this path: every part is one that a file system
// takes, and none is ours.
func goodName(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "", part == ".", part == "..", len(part) > nameMost, strings.HasPrefix(part, Reserved):
			return false
		case strings.IndexByte(part, 0) >= 0:
			return false
		}
	}
	return true
}

// nameMost is NAME_MAX.
const nameMost = 255

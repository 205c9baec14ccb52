package store

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// place is the directory that a file goes into, and what had to be made for it.
type place struct {
	dir   int   // open for reading, so that it can be synced; owned
	fresh []int // directories that have got a new one in them; owned
}

// close gives the descriptors back.
func (p *place) close() {
	for _, fd := range append(p.fresh, p.dir) {
		if fd >= 0 {
			sock.Close(fd)
		}
	}
	p.dir, p.fresh = -1, nil
}

// place opens the directory of this path beneath the store, and makes what is missing
// of it. Symbolic links are followed as far as they stay beneath.
func (s *Store) place(path string) (place, error) {
	p := place{dir: -1}
	errno := s.enter(&p, path)
	if errno != 0 {
		p.close()
		return place{dir: -1}, asError(errno)
	}
	return p, nil
}

const directoryFlags = unix.O_RDONLY | unix.O_DIRECTORY

func (s *Store) enter(p *place, path string) (errno sock.Errno) {
	p.dir, errno = sock.OpenBeneath(s.dir, path, directoryFlags, false)
	if errno != unix.ENOENT || path == "." {
		return errno
	}
	dir, base := split(path)
	parent := place{dir: -1}
	errno = s.enter(&parent, dir)
	p.fresh = parent.fresh
	if errno != 0 {
		return errno
	}
	errno = retry(func() error { return unix.Mkdirat(parent.dir, base, 0o777) })
	switch errno {
	case 0:
		p.fresh = append(p.fresh, parent.dir)
	case unix.EEXIST: // somebody else was faster, or a link leads nowhere
		sock.Close(parent.dir)
	default:
		sock.Close(parent.dir)
		return errno
	}
	p.dir, errno = sock.OpenBeneath(s.dir, path, directoryFlags, false)
	return errno
}

// sync makes durable what was made for the place, the outermost first, and what the
// place itself lists.
func (p *place) sync(sync func(int) sock.Errno) sock.Errno {
	for _, fd := range append(slices.Clone(p.fresh), p.dir) {
		if errno := sync(fd); errno != 0 {
			return errno
		}
	}
	return 0
}

// Follow has a file that took its time go where its path leads now: its directory may have
// been renamed or removed meanwhile, and is made again then.
func (p *Partial) Follow() error {
	dir, _ := split(p.path)
	now, err := p.store.place(dir)
	if err != nil {
		return err
	}
	was, errno := sock.Identify(p.place.dir)
	is, errno2 := sock.Identify(now.dir)
	if was == is || errno != 0 || errno2 != 0 {
		now.close()
		return nil
	}
	if p.hidden != "" {
		if errno := retry(func() error { return unix.Renameat(p.place.dir, p.hidden, now.dir, p.hidden) }); errno != 0 {
			now.close()
			return asError(errno)
		}
	}
	p.place.close()
	p.place = now
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

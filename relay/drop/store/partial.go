package store

import (
	"crypto/rand"
	"encoding/hex"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// Partial is a file that is being filled. It ends with Publish or Abandon. It is not safe
// for concurrent use.
type Partial struct {
	FD     int // of the file, open for reading and writing; the Partial's to close
	store  *Store
	place  *place
	shares bool          // the place is somebody else's to close
	path   string        // that it is to have
	base   string        // the last part of it
	hidden string        // the name it has meanwhile; "" = none
	named  bool          // it outlives the process
	found  bool          // it was there already
	held   bool          // space was reserved that may not be filled yet
	info   sock.FileInfo // as it is published
}

// partSuffix ends the name of a Partial on a file system that has no files without.
const partSuffix = ".part"

// Begin makes an empty file that can become path, and the directories above it. size is
// what it will hold, in bytes, if that is known; else 0. The space is reserved, so that a
// disk that is too small says so now (ENOSPC).
func (s *Store) Begin(path string, size int64) (*Partial, error) {
	if !goodName(path) {
		return nil, ErrName
	}
	dir, _ := split(path)
	at, err := s.place(dir)
	if err != nil {
		return nil, err
	}
	p, err := s.begin(at, path, size)
	if err != nil {
		at.close()
	}
	return p, err
}

// begin is Begin in a directory that is open, and stays the caller's on an error.
func (s *Store) begin(at *place, path string, size int64) (*Partial, error) {
	_, base := split(path)
	p := &Partial{FD: -1, store: s, place: at, path: path, base: base, shares: true}
	if errno := p.create(); errno != 0 {
		p.Abandon()
		return nil, asError(errno)
	}
	if errno := p.reserve(size); errno != 0 {
		p.Abandon()
		return nil, errno
	}
	p.shares = false
	return p, nil
}

// create opens the file: without a name, or with a hidden one where that is unknown.
// The lock on a hidden file says that somebody is at it (see Sweep).
func (p *Partial) create() (errno sock.Errno) {
	p.FD, errno = p.store.calls.temporary(p.place.dir)
	switch errno {
	case unix.EOPNOTSUPP, unix.EISDIR, unix.EINVAL, unix.ENOENT:
	default:
		return errno
	}
	name := hiddenName(partSuffix)
	p.FD, errno = openat(p.place.dir, name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o666)
	if errno != 0 {
		return errno
	}
	p.hidden = name
	return retry(func() error { return unix.Flock(p.FD, unix.LOCK_EX|unix.LOCK_NB) })
}

// reserveFrom is the size, in bytes, from which space is reserved. What is smaller is
// written before the reservation would have paid.
const reserveFrom = 1 << 20

// reserve has the file system set the space aside. One that cannot is no error, and
// neither is one without a disk, which would fill the space with zeros.
func (p *Partial) reserve(size int64) sock.Errno {
	if size < reserveFrom || sock.MemoryFileSystem(p.FD) {
		return 0
	}
	switch errno := p.store.calls.reserve(p.FD, size); errno {
	case 0:
		p.held = true
		return 0
	case unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL, unix.ENODEV:
		return 0
	default:
		return errno
	}
}

// Abandon forgets the file. It may take a while: what was written is freed.
func (p *Partial) Abandon() {
	if p.hidden != "" {
		_ = unix.Unlinkat(p.place.dir, p.hidden, 0) // what stays is swept at the next start
	}
	p.close()
}

func (p *Partial) close() {
	if p.FD >= 0 {
		sock.CloseFile(p.FD)
		p.FD = -1
	}
	if !p.shares {
		p.place.close()
	}
}

// hiddenName is a name that nobody has.
func hiddenName(suffix string) string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return Reserved + hex.EncodeToString(b[:]) + suffix
}

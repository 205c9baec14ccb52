package store

import (
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// ErrNotFound says that there is no file or directory of a name.
var ErrNotFound = sock.Errno(unix.ENOENT)

// ErrNotEmpty says that a directory holds something.
var ErrNotEmpty = sock.Errno(unix.ENOTEMPTY)

// parent opens the directory that a path is in, which must be there.
func (s *Store) parent(path string) (dir int, base string, err error) {
	if !goodName(path) {
		return -1, "", ErrName
	}
	above, base := split(path)
	dir, errno := sock.OpenBeneath(s.dir, above, directoryFlags, false)
	if errno != 0 {
		return -1, "", asError(errno)
	}
	return dir, base, nil
}

// MakeDirectory makes one directory. ErrExists says that the name is taken, ErrNotFound
// that the directory above is missing.
func (s *Store) MakeDirectory(path string, mode uint32, mtime time.Time) error {
	dir, base, err := s.parent(path)
	if err != nil {
		return err
	}
	defer sock.Close(dir)
	errno := retry(func() error { return unix.Mkdirat(dir, base, 0o777) })
	if errno == unix.EEXIST {
		return ErrExists
	}
	if errno != 0 {
		return asError(errno)
	}
	fresh, errno := sock.OpenBeneath(dir, base, directoryFlags, false)
	if errno != 0 {
		return asError(errno)
	}
	defer sock.Close(fresh)
	errno = describe(fresh, mode, mtime)
	if above, _ := split(path); errno == 0 && s.durable {
		errno = s.syncAbove(above)
	}
	for _, fd := range []int{fresh, dir} {
		if errno == 0 && s.durable {
			errno = s.calls.sync(fd)
		}
	}
	return asError(errno)
}

// DescribeDirectory gives a directory a mode and a time, both if they are given. It and
// those above are made if they are not there.
func (s *Store) DescribeDirectory(path string, mode uint32, mtime time.Time) error {
	if !goodName(path) {
		return ErrName
	}
	p, err := s.place(path)
	if err != nil {
		return err
	}
	defer p.close()
	errno := describe(p.dir, mode, mtime)
	if errno == 0 && s.durable {
		errno = s.syncPlace(p)
	}
	return asError(errno)
}

// describe gives a directory that is open a mode and a time, as far as they are given.
func describe(dir int, mode uint32, mtime time.Time) (errno sock.Errno) {
	if mode != 0 {
		errno = retry(func() error { return unix.Fchmod(dir, mode) })
	}
	if errno == 0 && !mtime.IsZero() {
		errno = sock.SetTime(dir, mtime.Unix(), int64(mtime.Nanosecond()))
	}
	return errno
}

// Remove takes away a file or an empty directory, if holds (nil = always) likes what is
// there.
func (s *Store) Remove(path string, holds func(exists bool, info sock.FileInfo) bool) error {
	return s.remove(path, func(int, string) bool {
		if holds == nil {
			return true
		}
		info, exists := s.info(path)
		return holds(exists, info)
	})
}

// remove takes away what has a name, if it may be.
func (s *Store) remove(path string, may func(dir int, base string) bool) error {
	dir, base, err := s.parent(path)
	if err != nil {
		return err
	}
	defer sock.Close(dir)
	lock, errno := lockName(dir, base)
	if errno != 0 {
		return errno
	}
	defer lock.Unlock()
	if !may(dir, base) {
		return ErrPrecondition
	}
	s.note(dir, base, path)
	errno = retry(func() error { return unix.Unlinkat(dir, base, 0) })
	if errno == unix.EISDIR || errno == unix.EPERM {
		errno = retry(func() error { return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR) })
	}
	if errno == unix.EEXIST {
		errno = unix.ENOTEMPTY
	}
	if errno == 0 && s.durable {
		errno = s.calls.sync(dir)
	}
	return asError(errno)
}

// Move gives a file or directory another name, if holds (nil = always) likes what is there.
// The directories above the other name are made. Without replace one that is taken is
// ErrPrecondition. replaced says whether it was.
func (s *Store) Move(from, to string, replace bool, holds func(exists bool, info sock.FileInfo) bool) (replaced bool, err error) {
	source, oldBase, err := s.parent(from)
	if err != nil {
		return false, err
	}
	defer sock.Close(source)
	if !goodName(to) {
		return false, ErrName
	}
	above, base := split(to)
	target, err := s.place(above)
	if err != nil {
		return false, err
	}
	defer target.close()
	unlock, errno := lockNames(source, oldBase, target.dir, base)
	if errno != 0 {
		return false, errno
	}
	defer unlock()
	if info, exists := s.info(from); holds != nil && !holds(exists, info) {
		return false, ErrPrecondition
	}
	s.note(source, oldBase, from)
	replaced, errno = rename(source, oldBase, target.dir, base, replace)
	if errno == unix.EEXIST && !replaced {
		return false, ErrPrecondition
	}
	if errno == 0 {
		s.unsynced.moved(from, to)
	}
	if errno == 0 && s.durable {
		if errno = s.syncPlace(target); errno == 0 {
			errno = s.calls.sync(source)
		}
	}
	return replaced, asMoveError(errno)
}

// rename gives a file another name, or another file's if it may, and says which.
func rename(from int, oldBase string, to int, base string, replace bool) (replaced bool, errno sock.Errno) {
	try := func(flags uint) sock.Errno {
		return retry(func() error { return unix.Renameat2(from, oldBase, to, base, flags) })
	}
	errno = try(unix.RENAME_NOREPLACE)
	if errno == unix.EEXIST && replace {
		return true, try(0)
	}
	return false, errno
}

// asMoveError is asError where ENOTDIR is a file in a directory's place, EINVAL a
// directory that would go into itself, and EXDEV another file system.
func asMoveError(errno sock.Errno) error {
	switch errno {
	case unix.ENOTDIR, unix.EISDIR, unix.EINVAL, unix.EEXIST:
		return ErrDirectory
	case unix.EXDEV:
		return errno
	}
	return asError(errno)
}

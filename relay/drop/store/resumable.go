package store

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// A file that may take several connections, and even several lives of the process, to
// arrive is a Partial with a hidden name, and a state: a small file that says what it is
// to become, kept in a directory of its own at the root of the store. Both go by an id.

const (
	stateDirectory = Reserved + "uploads"
	// mark is an attribute with the id of the upload, or of the transfer, that brought a
	// file. It tells, after a crash between the naming of the file and the writing of the
	// state, that it is complete.
	mark = "user.relay.upload"
	// stateMost bounds a state, in bytes.
	stateMost = 256 << 10
)

// freshSuffix ends the name of a state that is being written.
const freshSuffix = ".new"

func partName(id string) string { return Reserved + id + partSuffix }

// BeginNamed is Begin of a file that outlives the process.
func (s *Store) BeginNamed(path, id string, size int64) (*Partial, error) {
	if !goodName(path) {
		return nil, ErrName
	}
	dir, _ := split(path)
	at, err := s.place(dir)
	if err != nil {
		return nil, err
	}
	p, err := s.openNamed(at, path, id, unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return nil, err
	}
	if errno := p.reserve(size); errno != 0 {
		p.Abandon()
		return nil, errno
	}
	_ = retry(func() error { return unix.Fsetxattr(p.FD, mark, []byte(id), 0) })
	return p, nil
}

// Reopen opens the file of an upload again. size is what it holds; ErrNotFound says that
// it is gone. What a process that was killed had reserved behind that is free again.
func (s *Store) Reopen(path, id string) (p *Partial, size int64, err error) {
	dir, _ := split(path)
	fd, errno := sock.OpenBeneath(s.dir, dir, directoryFlags, false)
	if errno != 0 {
		return nil, 0, asError(errno)
	}
	at, err := s.placeAt(dir, fd, 0)
	if err != nil {
		return nil, 0, err
	}
	p, err = s.openNamed(at, path, id, 0)
	if err != nil {
		return nil, 0, err
	}
	p.found = true
	var st unix.Stat_t
	errno = retry(func() error { return unix.Fstat(p.FD, &st) })
	if errno == 0 && hasMore(&st) {
		errno = retry(func() error { return unix.Ftruncate(p.FD, st.Size) })
	}
	if errno != 0 {
		p.Suspend()
		return nil, 0, errno
	}
	return p, st.Size, nil
}

func (s *Store) openNamed(at *place, path, id string, flags int) (*Partial, error) {
	_, base := split(path)
	p := &Partial{FD: -1, store: s, place: at, path: path, base: base, named: true}
	fd, errno := openat(at.dir, partName(id), flags|unix.O_RDWR|unix.O_NOFOLLOW, 0o666)
	if errno != 0 {
		p.place.close()
		return nil, asError(errno)
	}
	p.FD, p.hidden = fd, partName(id)
	if errno := lockSoon(fd); errno != 0 {
		p.hidden = "" // it is somebody else's
		p.Abandon()
		return nil, errno
	}
	return p, nil
}

// lockSoon takes the lock of an upload, and waits a little for whoever has it: a sweep
// that only looks, or a process before this one that is about to end. EAGAIN says that it
// stays taken.
func lockSoon(fd int) sock.Errno {
	const patience, pause = 2 * time.Second, 5 * time.Millisecond
	for end := time.Now().Add(patience); ; time.Sleep(pause) {
		errno := retry(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
		if errno != unix.EAGAIN || time.Now().After(end) {
			return errno
		}
	}
}

// Sync makes the bytes of the file durable, if the store is.
func (p *Partial) Sync() error {
	if !p.store.durable {
		return nil
	}
	return asError(p.store.calls.sync(p.FD))
}

// SyncName makes durable that the file is where Reopen finds it, if the store is. One that was
// found there may be in directories that an earlier process made, which nobody knows to be new.
func (p *Partial) SyncName() error {
	if !p.store.durable {
		return nil
	}
	errno := sock.Errno(0)
	if p.found {
		errno = p.store.syncEvery(p.place.path)
	}
	if errno == 0 {
		errno = p.store.syncPlace(p.place)
	}
	return asError(errno)
}

// Cut makes the file size bytes long.
func (p *Partial) Cut(size int64) error {
	return asError(retry(func() error { return unix.Ftruncate(p.FD, size) }))
}

// Reserve sets space aside for a file of size bytes, as Begin does.
func (p *Partial) Reserve(size int64) error { return asError(p.reserve(size)) }

// Suspend closes the file and leaves it where it is, for Reopen. Space that was reserved
// and not filled is given back: uploads that rest must not hold the disk by what they have
// announced. (A file that is cut to the size it has loses what is reserved behind it.)
func (p *Partial) Suspend() {
	if info, errno := sock.Info(p.FD, false); p.held && errno == 0 {
		_ = p.Cut(info.Size) // what stays reserved is freed with the file
	}
	p.close()
}

// states opens the directory of the states; it is made when the first one is written.
func (s *Store) states(make bool) (int, sock.Errno) {
	fd, errno := sock.OpenBeneath(s.dir, stateDirectory, directoryFlags, false)
	if errno != unix.ENOENT || !make {
		return fd, errno
	}
	root, errno := sock.OpenBeneath(s.dir, ".", directoryFlags, false)
	if errno != 0 {
		return -1, errno
	}
	defer sock.Close(root)
	errno = s.makeDirectory(root, ".", stateDirectory, 0o700)
	if errno != 0 && errno != unix.EEXIST {
		return -1, errno
	}
	return sock.OpenBeneath(s.dir, stateDirectory, directoryFlags, false)
}

// SaveState writes the state of an upload, whole or not at all. What it writes first may be swept
// away before it is locked, by a process before or after this one: then it is written once more.
func (s *Store) SaveState(id string, state []byte) error {
	const tries = 3
	errno := s.saveState(id, state)
	for n := 1; errno == unix.ENOENT && n < tries; n++ {
		errno = s.saveState(id, state)
	}
	return asError(errno)
}

func (s *Store) saveState(id string, state []byte) sock.Errno {
	dir, errno := s.states(true)
	if errno != 0 {
		return errno
	}
	defer sock.Close(dir)
	fresh := id + freshSuffix
	fd, errno := openat(dir, fresh, unix.O_CREAT|unix.O_TRUNC|unix.O_WRONLY|unix.O_NOFOLLOW, 0o600)
	if errno != 0 {
		return errno
	}
	defer sock.CloseFile(fd)                      // not before it has its name
	_ = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) // for Sweep: somebody is at it
	for at := 0; at < len(state) && errno == 0; {
		var n int
		n, errno = sock.WriteAt(fd, state[at:], int64(at))
		at += n
	}
	if errno == 0 && s.durable {
		errno = s.calls.sync(fd)
	}
	if errno == 0 {
		errno = s.calls.rename(dir, fresh, id)
	}
	if errno == 0 && s.durable {
		errno = s.syncAbove(stateDirectory)
	}
	if errno == 0 && s.durable {
		errno = s.calls.sync(dir)
	}
	if errno != 0 {
		_ = unix.Unlinkat(dir, fresh, 0)
	}
	return errno
}

// LoadState reads the state of an upload; ErrNotFound says that there is none.
func (s *Store) LoadState(id string) ([]byte, error) {
	fd, errno := sock.OpenBeneath(s.dir, stateDirectory+"/"+id, unix.O_RDONLY, false)
	if errno != 0 {
		return nil, asError(errno)
	}
	defer sock.CloseFile(fd)
	state := make([]byte, stateMost)
	n := 0
	for n < len(state) {
		got, errno := sock.ReadAt(fd, state[n:], int64(n))
		if errno != 0 {
			return nil, asError(errno)
		}
		if got == 0 {
			break
		}
		n += got
	}
	return state[:n], nil
}

// DropState forgets an upload. Its file, if there still is one, is to be abandoned first.
func (s *Store) DropState(id string) {
	if dir, errno := s.states(false); errno == 0 {
		_ = unix.Unlinkat(dir, id, 0)
		sock.Close(dir)
	}
}

// States are the ids of all uploads that have a state.
func (s *Store) States() ([]string, error) {
	fd, errno := s.states(false)
	if errno == unix.ENOENT {
		return nil, nil
	}
	if errno != 0 {
		return nil, asError(errno)
	}
	dir := os.NewFile(uintptr(fd), stateDirectory)
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// othersLooked is how many names beside the first are looked at for a file that was kept
// beside others.
const othersLooked = 100

// FindMarked looks whether the file of an upload has been published: under its own name,
// or one beside it.
func (s *Store) FindMarked(path, id string) (Published, bool) {
	dir, base := split(path)
	for n := range othersLooked {
		name := path
		if n > 0 {
			name = numbered(base, n)
			if dir != "." {
				name = dir + "/" + name
			}
		}
		fd, errno := sock.OpenBeneath(s.dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, false)
		if errno != 0 {
			return Published{}, false
		}
		of := idOf(fd)
		info, _ := sock.Info(fd, true)
		digests := Digests(fd, info)
		sock.CloseFile(fd)
		if of == id {
			return Published{Path: name, Info: info, Digests: digests}, true
		}
	}
	return Published{}, false
}

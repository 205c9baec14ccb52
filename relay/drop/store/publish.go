package store

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// Conflict says what becomes of a file whose name another one has already.
type Conflict uint8

// The ways.
const (
	Replace  Conflict = iota
	Fail              // ErrExists
	KeepBoth          // the new one gets another name: "a (1).txt"
)

// Terms are what a file is published under.
type Terms struct {
	Conflict Conflict
	// Holds, if there is one, is asked about the file that has the name, in the same
	// step as the publishing; false is ErrPrecondition.
	Holds func(exists bool, info sock.FileInfo) bool
	Mtime time.Time // zero = now
	Mode  uint32    // permissions; 0 = as the process makes files
	// Via are the drops that the file came through; "" = it is not known to have.
	Via string
	// ID is what the sender calls this transfer of the file; "" = nothing. What was
	// published with it before is not published again.
	ID string
	// Digests are kept with the file, in the form of Repr-Digest; "" = none.
	Digests string
}

// Picky reports that the terms depend on what has the name.
func (t *Terms) Picky() bool { return t.Holds != nil || t.Conflict == Fail }

// Published says what has become of a file.
type Published struct {
	Path     string // it may be another one than was asked for, with KeepBoth
	Replaced bool
	Repeated bool // it had arrived before, under the same id; what came now is forgotten
	Info     sock.FileInfo
	Digests  string // of what was published, in the form of Repr-Digest; "" = not known, or not any more
}

// Publish gives the file its name. When it returns without an error, the file and its
// name are durable (if the store is) and visible. On an error nothing is visible but
// what was before; only when the name of a file that was replaced cannot be made durable
// does the new one stay, since the old is gone. The Partial is over in any case; but the file
// of one from BeginNamed or Reopen is left when it was not published, for its owner to
// remove.
func (p *Partial) Publish(t Terms) (Published, error) {
	w := &pending{part: p, terms: t, ready: make(chan struct{})}
	p.store.publish([]*pending{w})
	return w.done, w.err
}

// finishFile sets what the file has beside its bytes. The time is always set, from a clock
// that is finer than the kernel's own for files: two files of one size that take each
// other's place within a tick must differ in their tags.
func (p *Partial) finishFile(t Terms) sock.Errno {
	at := t.Mtime
	if at.IsZero() {
		at = time.Now()
	}
	if errno := sock.SetTime(p.FD, at.Unix(), int64(at.Nanosecond())); errno != 0 {
		return errno
	}
	if t.Via != "" {
		_ = retry(func() error { return unix.Fsetxattr(p.FD, Via, []byte(t.Via), 0) })
	}
	if p.named {
		t.ID = "" // an upload has an id of its own
	}
	info, errno := sock.Info(p.FD, true)
	if errno != 0 {
		return errno
	}
	p.info = info
	p.note(t)
	if t.Mode == 0 || (t.Mode^info.Mode)&permissions == 0 {
		return 0
	}
	// Last, since nothing is noted with a file that its owner may not write.
	return retry(func() error { return unix.Fchmod(p.FD, t.Mode) })
}

// permissions are the bits of a mode that chmod(2) sets.
const permissions = 0o7777

// note keeps with the file what it came with: its id and its digests.
func (p *Partial) note(t Terms) {
	if t.ID != "" && stick(p.FD, p.info, t.ID, t.Digests) {
		return
	}
	if t.ID != "" {
		_ = retry(func() error { return unix.Fsetxattr(p.FD, mark, []byte(t.ID), 0) })
	}
	if t.Digests != "" {
		KeepDigests(p.FD, p.info, t.Digests)
	}
}

// name is the step that others see: check and naming under one lock. A directory that was
// removed meanwhile is made again.
func (p *Partial) name(t Terms) (Published, error) {
	done, err := p.nameHere(t)
	if err != nil && p.place.isGone() && p.Follow() == nil {
		done, err = p.nameHere(t)
	}
	return done, err
}

func (p *Partial) nameHere(t Terms) (Published, error) {
	defer lockIn(p.place.id, p.base).Unlock()
	done, err := p.takeName(t)
	if err != nil || done.Repeated {
		return done, err
	}
	done.Digests, done.Info = t.Digests, p.info
	if t.ID != "" {
		p.store.told.add(transfer{t.ID, p.path}, done)
	}
	return done, nil
}

// takeName gives the file its name. Most names are new, and trying that costs less than asking
// first; link(2) never replaces, whatever the file system knows beside it.
func (p *Partial) takeName(t Terms) (done Published, err error) {
	if t.Holds != nil || p.hidden != "" {
		return p.lookAndTake(t)
	}
	if done, repeated := p.store.repeats(p.path, t.ID, false); repeated {
		return done, nil
	}
	if errno := p.appear(p.base); errno != unix.EEXIST {
		return Published{Path: p.path}, asError(errno)
	}
	return p.lookAndTake(t)
}

// lookAndTake looks what has the name, and does what the terms say.
func (p *Partial) lookAndTake(t Terms) (done Published, err error) {
	exists, err := p.store.check(p.place.dir, p.path, p.base, t)
	if done, repeated := p.store.repeats(p.path, t.ID, exists || err != nil); repeated {
		return done, nil
	}
	if err != nil {
		return done, err
	}
	var errno sock.Errno
	done.Path = p.path
	switch {
	case exists && t.Conflict == KeepBoth && t.Holds == nil:
		done.Path, errno = p.another()
	case exists:
		done.Replaced = true
		errno = p.replace()
	default:
		errno = p.appear(p.base)
		if errno == unix.EEXIST { // somebody outside this process was faster
			return done, ErrExists
		}
	}
	return done, asError(errno)
}

// Check says whether a file could be published as path now, so that nobody sends one in
// vain. Missing directories are no obstacle.
func (s *Store) Check(path string, t Terms) error {
	if !goodName(path) {
		return ErrName
	}
	dir, base := split(path)
	at, errno := sock.OpenBeneath(s.dir, dir, unix.O_PATH|unix.O_DIRECTORY, false)
	if errno == unix.ENOENT {
		if t.Holds != nil && !t.Holds(false, sock.FileInfo{}) {
			return ErrPrecondition
		}
		return nil
	}
	if errno != 0 {
		return asError(errno)
	}
	defer sock.Close(at)
	_, err := s.check(at, path, base, t)
	return err
}

// check looks at what has the name.
func (s *Store) check(dir int, path, base string, t Terms) (exists bool, err error) {
	var st unix.Stat_t
	switch errno := retry(func() error { return unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW) }); errno {
	case 0:
		exists = true
	case unix.ENOENT:
	default:
		return false, asError(errno)
	}
	if t.Holds != nil {
		// A reader is shown what a link leads to, so its conditions are about that.
		info, there := s.info(path)
		if !t.Holds(there, info) {
			return exists, ErrPrecondition
		}
	}
	switch {
	case exists && st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return true, ErrDirectory
	case exists && t.Conflict == Fail && t.Holds == nil:
		return true, ErrExists
	}
	return exists, nil
}

func (s *Store) info(path string) (sock.FileInfo, bool) {
	fd, errno := sock.OpenBeneath(s.dir, path, unix.O_PATH, false)
	if errno != 0 {
		return sock.FileInfo{}, false
	}
	defer sock.Close(fd)
	info, errno := sock.Info(fd, false)
	return info, errno == 0
}

// appear gives the file a name that nothing has; EEXIST if something does.
func (p *Partial) appear(base string) sock.Errno {
	dir, calls := p.place.dir, &p.store.calls
	if p.hidden == "" {
		return calls.link(p.FD, dir, base)
	}
	errno := calls.renameNew(dir, p.hidden, base)
	if errno == unix.EINVAL || errno == unix.ENOSYS {
		errno = p.appearByHand(base) // the file system knows no better
	}
	if errno == 0 {
		p.hidden = ""
	}
	return errno
}

// appearByHand does what rename(2) cannot where it knows no RENAME_NOREPLACE: it links, or
// looks first where there are no links.
func (p *Partial) appearByHand(base string) sock.Errno {
	dir, calls := p.place.dir, &p.store.calls
	switch errno := calls.linkName(dir, p.hidden, base); errno {
	case 0:
		_ = unix.Unlinkat(dir, p.hidden, 0) // what stays is swept at the next start
		return 0
	case unix.EPERM, unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL:
	default:
		return errno
	}
	var st unix.Stat_t
	switch errno := retry(func() error { return unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW) }); errno {
	case unix.ENOENT:
		return calls.rename(dir, p.hidden, base)
	case 0:
		return unix.EEXIST
	default:
		return errno
	}
}

// replace takes the place of the file that has the name.
func (p *Partial) replace() sock.Errno {
	if p.hidden == "" {
		name := hiddenName(partSuffix)
		_ = unix.Flock(p.FD, unix.LOCK_EX|unix.LOCK_NB) // nobody else knows the file
		if errno := p.store.calls.link(p.FD, p.place.dir, name); errno != 0 {
			return errno
		}
		p.hidden = name
	}
	errno := p.store.calls.rename(p.place.dir, p.hidden, p.base)
	if errno == 0 {
		p.hidden = ""
	}
	return errno
}

// unname takes back the name that the file has got, unless another has taken its place.
func (p *Partial) unname(path string) {
	_, base := split(path)
	defer lockIn(p.place.id, base).Unlock()
	var mine, there unix.Stat_t
	if unix.Fstat(p.FD, &mine) != nil || unix.Fstatat(p.place.dir, base, &there, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return
	}
	if mine.Dev == there.Dev && mine.Ino == there.Ino {
		_ = unix.Unlinkat(p.place.dir, base, 0)
	}
}

// anothersMost bounds the names that are tried for a file that is kept beside others.
const anothersMost = 10_000

// another finds the file a name beside those that are taken.
func (p *Partial) another() (path string, errno sock.Errno) {
	for n := 1; n < anothersMost; n++ {
		base := numbered(p.base, n)
		if errno = p.appear(base); errno != unix.EEXIST {
			return p.path[:len(p.path)-len(p.base)] + base, errno
		}
	}
	return "", errno
}

// numbered is "a (1).txt" for "a.txt" and 1. A name that would become too long loses the
// end of its stem.
func numbered(base string, n int) string {
	stem, suffix := base, ""
	if i := strings.LastIndexByte(base, '.'); i > 0 && len(base)-i <= suffixMost {
		stem, suffix = base[:i], base[i:]
	}
	suffix = " (" + strconv.Itoa(n) + ")" + suffix
	return stem[:min(len(stem), nameMost-len(suffix))] + suffix
}

// suffixMost bounds what is taken for the suffix of a name, in bytes with its dot.
const suffixMost = 32

package store

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// Reserved begins the names that a store keeps for its own files.
const Reserved = ".relay-"

// The errors that say what is wrong with a name or its circumstances. All others are
// errors of the system, as sock.Errno.
var (
	ErrExists       = errors.New("there is a file of this name")
	ErrPrecondition = errors.New("the file is not as expected")
	ErrDirectory    = errors.New("the name is a directory's")
	ErrParent       = errors.New("a part of the path is a file")
	ErrName         = errors.New("no file can have this name")
	ErrAway         = errors.New("the path leads out of the directory")
)

// Store is a directory that files are put into. It is safe for concurrent use.
type Store struct {
	dir     int // not owned
	durable bool
	began   time.Time // of the directory's first store in this process
	calls   calls
	told    *told

	unsynced *unsynced

	committer committer
}

// New makes a store of a directory, of which dir is a descriptor (O_PATH will do) that
// stays open as long as the store is used. durable has everything that was published
// survive a loss of power.
func New(dir int, durable bool) *Store {
	return &Store{dir: dir, durable: durable, began: *begans.Of(dir), calls: kernel, told: tolds.Of(dir), unsynced: unsynceds.Of(dir)}
}

// begans are since when this process serves a directory. A store that a reload makes must not
// take for left over what the one before it is writing.
var begans = NewShared(func() *time.Time { now := time.Now(); return &now })

// Durable reports that what was published survives a loss of power.
func (s *Store) Durable() bool { return s.durable }

// calls is the seam at which tests put errors.
type calls struct {
	temporary func(dir int) (int, sock.Errno)
	reserve   func(file int, size int64) sock.Errno
	sync      func(file int) sock.Errno
	link      func(file, dir int, name string) sock.Errno
	linkName  func(dir int, from, to string) sock.Errno
	rename    func(dir int, from, to string) sock.Errno
	renameNew func(dir int, from, to string) sock.Errno
}

var kernel = calls{
	temporary: func(dir int) (int, sock.Errno) {
		return openat(dir, ".", unix.O_TMPFILE|unix.O_RDWR, 0o666)
	},
	reserve: func(file int, size int64) sock.Errno {
		return retry(func() error { return unix.Fallocate(file, unix.FALLOC_FL_KEEP_SIZE, 0, size) })
	},
	sync: func(file int) sock.Errno { return retry(func() error { return unix.Fsync(file) }) },
	link: link,
	linkName: func(dir int, from, to string) sock.Errno {
		return retry(func() error { return unix.Linkat(dir, from, dir, to, 0) })
	},
	rename: func(dir int, from, to string) sock.Errno {
		return retry(func() error { return unix.Renameat(dir, from, dir, to) })
	},
	renameNew: func(dir int, from, to string) sock.Errno {
		return retry(func() error { return unix.Renameat2(dir, from, dir, to, unix.RENAME_NOREPLACE) })
	},
}

// link gives a file without a name one. The first way needs a privilege or Linux 6.10,
// the second /proc.
func link(file, dir int, name string) sock.Errno {
	errno := retry(func() error { return unix.Linkat(file, "", dir, name, unix.AT_EMPTY_PATH) })
	if errno != unix.ENOENT && errno != unix.EPERM {
		return errno
	}
	path := "/proc/self/fd/" + strconv.Itoa(file)
	return retry(func() error { return unix.Linkat(unix.AT_FDCWD, path, dir, name, unix.AT_SYMLINK_FOLLOW) })
}

// retry repeats a call that a signal interrupted.
func retry(call func() error) sock.Errno {
	for {
		err := call()
		if err == nil {
			return 0
		}
		errno, ok := err.(sock.Errno)
		if !ok {
			return unix.EINVAL // a NUL in a name
		}
		if errno != unix.EINTR {
			return errno
		}
	}
}

func openat(dir int, name string, flags int, mode uint32) (int, sock.Errno) {
	fd := -1
	errno := retry(func() (err error) {
		fd, err = unix.Openat(dir, name, flags|unix.O_CLOEXEC, mode)
		return err
	})
	return fd, errno
}

// asError is an errno as an error, or nil.
func asError(errno sock.Errno) error {
	switch errno {
	case 0:
		return nil
	case unix.ENOTDIR:
		return ErrParent
	case unix.EISDIR:
		return ErrDirectory
	case unix.EXDEV, unix.ELOOP:
		return ErrAway
	case unix.ENAMETOOLONG, unix.EINVAL, unix.EILSEQ:
		return ErrName
	}
	return errno
}

// split divides a path into its directory, "." for the store's own, and its last part.
func split(path string) (dir, base string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return ".", path
}

package store

import (
	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// Clone has the file share the blocks of another, all of them, where the file system can:
// nothing is copied then before one of the two is written to.
func (p *Partial) Clone(from int) bool {
	return retry(func() error { return unix.IoctlFileClone(p.FD, from) }) == 0
}

// CopyFrom puts n bytes of another file into this one, from the same offset, as long as
// there are any. The bytes stay in the kernel where it can copy from that file system to
// this one.
func (p *Partial) CopyFrom(from int, at, n int64) (moved int64, err error) {
	for moved < n {
		in, out := at+moved, at+moved
		var some int
		errno := retry(func() (err error) {
			some, err = unix.CopyFileRange(from, &in, p.FD, &out, int(n-moved), 0)
			return err
		})
		switch errno {
		case 0:
		case unix.EXDEV, unix.EINVAL, unix.EOPNOTSUPP, unix.ENOSYS, unix.EPERM:
			if some, errno = p.copyThrough(from, at+moved, n-moved); errno != 0 {
				return moved, errno
			}
		default:
			return moved, errno
		}
		if some == 0 {
			break
		}
		moved += int64(some)
	}
	return moved, nil
}

// copyBytes is what is copied at a time where the kernel does not.
const copyBytes = 1 << 20

func (p *Partial) copyThrough(from int, at, n int64) (int, sock.Errno) {
	b := make([]byte, min(n, copyBytes))
	read, errno := sock.ReadAt(from, b, at)
	if errno != 0 {
		return 0, errno
	}
	for done := 0; done < read; {
		errno := retry(func() error {
			some, err := unix.Pwrite(p.FD, b[done:read], at+int64(done))
			done += max(some, 0)
			return err
		})
		if errno != 0 {
			return done, errno
		}
	}
	return read, 0
}

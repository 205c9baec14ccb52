package transfer

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Where the file system can share blocks between files (btrfs, xfs: FICLONE, ioctl_ficlone(2)),
// a file is sent from a copy without a name, which costs no space: whatever is done to the
// file meanwhile, what was begun is sent to its end, instead of from the beginning again.
// Elsewhere a change is noticed when all was sent.

// still is a directory for such copies. The zero value makes none.
type still struct {
	dir     string
	cannot  bool                     // its file system shares no blocks
	reflink func(to, from int) error // the seam for tests; nil = the kernel's
}

// hold has a source read from a copy, if there can be one. errChanged says that the file
// was written to just now.
func (d *still) hold(s *source) error {
	if d.dir == "" || d.cannot {
		return nil
	}
	f, err := os.OpenFile(d.dir, unix.O_TMPFILE|os.O_RDWR, partialMode)
	if err != nil {
		d.cannot = sharesNone(err)
		return nil
	}
	reflink := d.reflink
	if reflink == nil {
		reflink = unix.IoctlFileClone
	}
	if err := reflink(int(f.Fd()), int(s.Fd())); err != nil {
		d.cannot = sharesNone(err)
		f.Close()
		return nil
	}
	if err := s.unchanged(); err != nil {
		f.Close()
		return err
	}
	s.Close()
	s.File, s.still = f, true
	return nil
}

// sharesNone reports an error that is about the file system, and not about one file, as
// EXDEV is.
func sharesNone(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EISDIR)
}

package forward

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
	"relay/relay/transfer"
)

// look is a file as it stands there. Where the file system does not keep when it was made,
// its version may be that of another one before, see record.Turn.
type look struct {
	version transfer.Version
	changed time.Time // by the machine's clock: its ctime, which nobody can set
}

// statx is the seam for tests.
var statx = unix.Statx

// lookAt looks at a regular file; os.ErrNotExist says that there is none.
func lookAt(root, path string) (look, error) {
	var x unix.Statx_t
	const fields = unix.STATX_BASIC_STATS | unix.STATX_BTIME
	if err := statx(unix.AT_FDCWD, filepath.Join(root, path), unix.AT_SYMLINK_NOFOLLOW, fields, &x); err != nil {
		return look{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if x.Mode&unix.S_IFMT != unix.S_IFREG {
		return look{}, os.ErrNotExist
	}
	v := transfer.Version{
		Ino: x.Ino, Size: int64(x.Size), Mtime: time.Unix(x.Mtime.Sec, int64(x.Mtime.Nsec)).UnixNano(), Born: sock.BornOf(&x),
	}
	return look{v, time.Unix(x.Ctime.Sec, int64(x.Ctime.Nsec))}, nil
}

// stands reports that a version has its name still.
func stands(root, path string, v transfer.Version) bool {
	l, err := lookAt(root, path)
	return err == nil && l.version == v
}

// of reports that a record is of the file that is there. Programs before that did not ask
// when a file was made wrote records without: those are of a file that was there when they
// were written, and not of one that was made later.
func (r record) of(v transfer.Version) bool {
	if r.Version.Born == 0 && v.Born > r.At.UnixNano() {
		return false
	}
	return r.Version.Same(v) && !r.Away
}

// turnOf is which of the files of its name this one is, as far as that is needed to tell
// it from others that look the same; r is the record of the one before, if there is one.
func (r record) turnOf(v transfer.Version, known bool) int {
	switch {
	case !known || v.Born != 0:
		return 0
	case r.of(v):
		return r.Turn
	}
	return r.Turn + 1
}

package forward

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// version tells one content of a name from another: what replaces a file is another file,
// and what is written to has another time. The number of a file that was removed is soon
// given to another, and senders choose size and time; so the moment counts at which a file
// was made, which nobody can set, and which noting things with a file does not change, as
// it does the ctime. Where the file system does not keep it, see record.Turn.
type version struct {
	Ino   uint64 `json:"ino"`
	Size  int64  `json:"size"`
	Mtime int64  `json:"mtime"`          // nanoseconds since 1970
	Born  int64  `json:"born,omitempty"` // the same; 0 = not known
}

// look is a file as it stands there.
type look struct {
	version version
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
	v := version{x.Ino, int64(x.Size), time.Unix(x.Mtime.Sec, int64(x.Mtime.Nsec)).UnixNano(), sock.BornOf(&x)}
	return look{v, time.Unix(x.Ctime.Sec, int64(x.Ctime.Nsec))}, nil
}

// of reports that a record is of the file that is there. Programs before that did not ask
// when a file was made wrote records without: those are of a file that was there when they
// were written, and not of one that was made later.
func (r record) of(v version) bool {
	if r.Version.Born == 0 && v.Born > r.At.UnixNano() {
		return false
	}
	if r.Version.Born == 0 || v.Born == 0 {
		v.Born = r.Version.Born
	}
	return r.Version == v && !r.Away
}

// turnOf is which of the files of its name this one is, as far as that is needed to tell
// it from others that look the same; r is the record of the one before, if there is one.
func (r record) turnOf(v version, known bool) int {
	switch {
	case !known || v.Born != 0:
		return 0
	case r.of(v):
		return r.Turn
	}
	return r.Turn + 1
}

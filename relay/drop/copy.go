package drop

import (
	"net/http"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/drop/store"
	"relay/relay/drop/token"
	"relay/relay/sock"
)

// COPY makes another file of what one holds (RFC 4918, 9.8), without its bytes going to the
// client and back. It is an upload whose body is a file of ours: room is set aside, the drop's
// rules say what becomes of a file that has the name, and it arrives like any other.
//
// Workers copy it piece by piece, so that others have their turn and who leaves ends it.
// Where the file system shares blocks between files there is nothing to copy.

// copyStep is the most bytes that a worker copies in a turn.
const copyStep = 16 << 20

// copying is the file that is copied.
type copying struct {
	found
	name name
	head http.Header
}

// copyFile takes up a COPY. What can be refused without a look at the disk is refused here.
func (c *Conn) copyFile(n name) {
	r, d := c.request.head, c.drop
	to, ok := destination(r)
	if !ok {
		c.failBecause(statusBadRequest, noDestination)
		return
	}
	if !c.changeable(to, token.Write) || !c.copyable(n, to) {
		return
	}
	fields, err := readUploadFields(r.Header)
	if err != nil {
		c.failBecause(statusBadRequest, err.Error())
		return
	}
	up := d.newUpload(to, fields, store.Terms{Conflict: d.conflict})
	if !overwrites(r.Header) {
		up.terms.Holds = func(exists bool, _ sock.FileInfo) bool { return !exists }
	}
	c.up = up
	d.uploads.Add(1)
	from := &copying{name: n, head: r.Header}
	c.work(func() error { return d.beginCopy(up, from) }, c.copyOn)
}

// copyable reports that one name may be copied to another; if not, the request was answered.
func (c *Conn) copyable(n, to name) bool {
	switch {
	case n.hidden():
		c.fail(statusNotFound)
	case !c.may(token.Read, n.path):
	case c.request.body:
		c.failBecause(statusMediaType, "a file is copied without a body")
	case to.path == n.path:
		c.failBecause(statusForbidden, "this is the file itself")
	case to.slash:
		c.failBecause(statusConflict, "a file needs a name: the path ends in '/'")
	case c.drop.full():
		c.failBecause(statusUnavailable, "too many files are arriving; try again later")
	default:
		return true
	}
	return false
}

// beginCopy opens both files, on a worker.
func (d *Drop) beginCopy(up *upload, from *copying) error {
	f, errno := d.open(from.name, false)
	switch errno {
	case 0:
	case unix.ENOTDIR, unix.EXDEV, unix.ELOOP, unix.ENAMETOOLONG, unix.EINVAL:
		return store.ErrNotFound
	default:
		return errno
	}
	from.found, up.copies = f, from
	switch holds := conditions(from.head); {
	case f.dir:
		return errTree
	case holds != nil && !holds(true, sock.FileInfo{Size: f.size, Sec: f.sec, Nsec: f.nsec}):
		return store.ErrPrecondition
	case d.limits.FileSizeMax > 0 && f.size > d.limits.FileSizeMax:
		return unix.EFBIG
	}
	if up.terms.Mtime.IsZero() {
		up.terms.Mtime = time.Unix(f.sec, f.nsec)
	}
	if up.terms.Mode == 0 {
		up.terms.Mode = f.mode&0o777 | settable
	}
	up.length = f.size
	var err error
	if up.part, err = d.makeRoom(up); err == nil && up.part.Clone(f.fd) {
		up.target.Offset = up.length
	}
	return err
}

// copyOn copies what is left, and publishes.
func (c *Conn) copyOn() {
	up := c.up
	up.progress(c)
	if up.target.Offset == up.length {
		c.work(up.copies.unchanged, c.publish)
		return
	}
	c.work(func() error {
		if sock.HungUp(c.end.FD) {
			return errLeft
		}
		n, err := up.part.CopyFrom(up.copies.fd, up.target.Offset, min(up.length-up.target.Offset, copyStep))
		up.target.Offset += n
		if err == nil && n == 0 {
			err = errChanged
		}
		return err
	}, c.copyOn)
}

// unchanged says whether the file is what it was when the copying began. Nobody changes one
// that was published here, but local programs may.
func (f *copying) unchanged() error {
	info, errno := sock.Info(f.fd, false)
	if errno != 0 {
		return errno
	}
	if info.Size != f.size || info.Sec != f.sec || info.Nsec != f.nsec {
		return errChanged
	}
	return nil
}

package drop

import (
	"golang.org/x/sys/unix"

	"relay/relay/drop/digest"
	"relay/relay/drop/token"
	"relay/relay/sock"
)

// found is what a name led to: a regular file, open for reading, or a directory, open as
// a place only.
type found struct {
	fd        int
	dir       bool
	away      bool // on a file system of which nothing is known: even closing may take a while
	size      int64
	sec, nsec int64  // of the last change
	digest    string // as Repr-Digest has it; "" = not asked for
	mode      uint32 // type and permissions
}

// look finds the file: here if the kernel knows the name, else with a worker.
func (c *Conn) look(n name) {
	if n.hidden() {
		c.fail(statusNotFound)
		return
	}
	// Whether it is a file or a directory is not known yet; one of the rights is needed
	// to learn that.
	if !c.request.grant.May(token.List, n.path) && !c.may(token.Read, n.path) {
		return
	}
	if !c.drop.remote {
		if f, errno := c.drop.open(n, true); errno != unix.EAGAIN {
			c.looked(n, f, errno)
			return
		}
	}
	var f found
	var errno sock.Errno
	c.toWorker(func() {
		f, errno = c.drop.open(n, false)
	}, func() {
		if c.state == leaving {
			if errno == 0 {
				sock.Close(f.fd)
			}
			c.close(c.leaving)
			return
		}
		c.looked(n, f, errno)
	})
}

// needs is the right to what was found.
func (f *found) needs() token.Rights {
	if f.dir {
		return token.List
	}
	return token.Read
}

// looked goes on with what was found.
func (c *Conn) looked(n name, f found, errno sock.Errno) {
	switch {
	case errno != 0:
		c.lookFailed(n, errno)
	case !c.request.grant.May(f.needs(), n.path):
		sock.Close(f.fd)
		c.may(f.needs(), n.path)
	case !f.dir && c.wantsDigest() != digest.None:
		c.serveDigested(n, f, c.wantsDigest())
	case !f.dir:
		c.serve(n, f)
	case !n.slash:
		sock.Close(f.fd)
		c.redirect(n, f)
	default:
		c.list(n, f.fd)
	}
}

func (c *Conn) lookFailed(n name, errno sock.Errno) {
	switch errno {
	case unix.ENOENT, unix.ENOTDIR, unix.EXDEV, unix.ELOOP, unix.ENAMETOOLONG, unix.EINVAL:
		c.fail(statusNotFound) // EXDEV: it would lead out of the directory
	case unix.EACCES, unix.EPERM:
		c.fail(statusForbidden)
	case unix.EFBIG:
		c.failBecause(statusNoSpace, "the directory has more names than can be listed")
	case unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS, unix.EAGAIN:
		c.request.why = NoResources
		c.fail(statusUnavailable)
	default:
		c.in.log.Warn().Str("drop", c.drop.Service.Config.Name).Str("name", n.path).
			Str("error", errno.Error()).Msg("a file could not be opened")
		c.request.why = FileError
		c.fail(statusError)
	}
}

// open opens a name beneath the directory. It is looked at first and opened then: merely
// opening a FIFO wakes its writers, and opening a device may do anything. (Whoever may
// write to the directory can put one there in between; then it is closed again.)
//
// With cached set EAGAIN says that it may take a while: the name is not known, or it is
// on another file system, of which nothing is known (a mount beneath the directory).
func (d *Drop) open(n name, cached bool) (found, sock.Errno) {
	place, errno := sock.OpenBeneath(d.dir, n.path, unix.O_PATH, cached)
	if errno != 0 {
		return found{}, errno
	}
	f, errno := d.describe(place, cached)
	if errno == 0 && f.dir {
		return f, 0
	}
	sock.Close(place)
	if errno == 0 && n.slash {
		errno = unix.ENOTDIR
	}
	if errno != 0 {
		return found{}, errno
	}
	fd, errno := sock.OpenBeneath(d.dir, n.path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, cached)
	if errno != 0 {
		return found{}, errno
	}
	f, errno = d.describe(fd, cached)
	if errno == 0 && f.dir {
		errno = unix.EAGAIN // exchanged just now
	}
	if errno != 0 {
		sock.Close(fd)
		return found{}, errno
	}
	return f, 0
}

// describe says what an open descriptor is; what is neither file nor directory is ENOENT.
func (d *Drop) describe(fd int, cached bool) (found, sock.Errno) {
	info, errno := sock.Info(fd, cached)
	switch {
	case errno != 0:
		return found{}, errno
	case cached && info.Device != d.device:
		return found{}, unix.EAGAIN
	}
	f := found{fd: fd, size: info.Size, sec: info.Sec, nsec: info.Nsec, mode: info.Mode}
	f.away = d.remote || info.Device != d.device
	switch info.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return f, 0
	case unix.S_IFDIR:
		f.dir = true
		return f, 0
	}
	return found{}, unix.ENOENT
}

// bigFile is the size, in bytes, from which closing a file that has no name any more
// takes long enough to be a worker's: its blocks are freed then.
const bigFile = 1 << 20

// closeFile closes the file that was sent, if there is one.
func (c *Conn) closeFile() {
	fd, away := c.file.FD, c.file.Away
	if fd < 0 {
		return
	}
	c.file = idleFile
	c.drop.listed.Add(-c.listing)
	c.listing = 0
	if !away && c.size < bigFile {
		sock.Close(fd)
		return
	}
	if info, _ := sock.Info(fd, true); away || info.Links == 0 {
		c.in.workers.Disk.Do(c.in.loop, func() { sock.CloseFile(fd) }, nil)
		return
	}
	sock.Close(fd)
}

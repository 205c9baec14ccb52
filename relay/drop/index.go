package drop

import (
	"strings"

	"golang.org/x/sys/unix"

	"relay/relay/drop/token"
	"relay/relay/flow"
	"relay/relay/sock"
)

const (
	// entriesMost bounds the names of a listing, for which it is held in memory and
	// sorted. The page says when there are more.
	entriesMost = 100_000
	// listedMost bounds the bytes of all the listings of a drop that are being sent,
	// so that many slow readers of a huge directory do not fill the memory.
	listedMost = 256 << 20
)

// entry is one line of a listing.
type entry struct {
	name  string
	dir   bool
	size  int64
	mtime int64 // seconds since 1970
	nsec  int64
	mode  uint32 // permissions
}

// list answers with the listing of a directory, of which dir is an O_PATH descriptor.
func (c *Conn) list(n name, dir int) {
	d := c.drop
	form := formOf(c.request.head.Header)
	takes := d.limits.Write && c.request.grant.May(token.Write, n.path)
	c.serveMade(n, func() (fd int, size int64, errno sock.Errno) {
		return d.index(n, dir, form, takes)
	}, func(size int64) { c.serveListing(size, form, takes) })
}

// serveMade has a worker write the body of the response about a name as a file in memory,
// which then goes out like any other: nothing of it waits in user space, however slowly it
// is read. head answers, when it is there.
func (c *Conn) serveMade(n name, write func() (fd int, size int64, errno sock.Errno), head func(size int64)) {
	var fd int
	var size int64
	var errno sock.Errno
	c.toWorker(func() { fd, size, errno = write() }, func() {
		if errno == 0 {
			c.file, c.size, c.listing = flow.File{FD: fd, Way: c.drop.way}, size, size
			c.file.InMemory()
		}
		switch {
		case c.state == leaving:
			c.close(c.leaving)
		case errno != 0:
			c.lookFailed(n, errno)
		default:
			head(size)
		}
	})
}

// serveListing answers with a page that was made for this request.
func (c *Conn) serveListing(size int64, form *listingForm, takes bool) {
	b := append(append(c.start(statusOK), "Content-Type: "...), form.contentType...)
	b = append(b, "\r\nCache-Control: no-cache\r\nVary: Accept\r\n"...)
	if takes {
		b = append(b, guardUpload...)
	} else {
		b = append(b, pageGuard...)
	}
	b = append(b, "Content-Length: "...)
	b = appendInt(b, size)
	b = append(b, "\r\n\r\n"...)
	if c.request.only() {
		size = 0
	}
	c.respond(b, len(b), size)
}

// index writes the listing of a directory into a file in memory. It closes dir.
func (d *Drop) index(n name, dir int, form *listingForm, takes bool) (fd int, size int64, errno sock.Errno) {
	defer sock.Close(dir)
	entries, more, errno := d.entries(n, dir)
	if errno != 0 {
		return -1, 0, errno
	}
	return d.inMemory(func(w *pageWriter) sock.Errno {
		w.takes = takes
		form.write(w, d.Service.Config.Name, n, entries, more)
		return 0
	})
}

// inMemory makes a file in memory, which counts against the allowance for listings until
// the response with it has ended. EFBIG says that it alone would be larger than that.
func (d *Drop) inMemory(write func(w *pageWriter) sock.Errno) (fd int, size int64, errno sock.Errno) {
	fd, err := unix.MemfdCreate("listing", unix.MFD_CLOEXEC)
	if err != nil {
		errno, _ = err.(sock.Errno)
		return -1, 0, errno
	}
	w := &pageWriter{fd: fd, listed: &d.listed}
	errno = write(w)
	w.flush()
	if errno == 0 {
		errno = w.errno
	}
	if errno != 0 {
		d.listed.Add(-w.written)
		sock.Close(fd)
		return -1, 0, errno
	}
	return fd, w.written, 0
}

// entries reads a directory: its regular files and directories, folders first. more says
// that there are further names.
func (d *Drop) entries(n name, dir int) (list []entry, more bool, errno sock.Errno) {
	errno = d.eachEntry(n, dir, func(e *entry) bool {
		if more = len(list) == entriesMost; !more {
			list = append(list, *e)
		}
		return !more
	})
	if errno != 0 {
		return nil, false, errno
	}
	sortEntries(list)
	return list, more, 0
}

// eachEntry calls visit with each name in a directory, in no order, until it returns false.
func (d *Drop) eachEntry(n name, dir int, visit func(*entry) bool) (errno sock.Errno) {
	fd, errno := sock.OpenBeneath(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY, false)
	if errno != 0 {
		return errno
	}
	defer sock.Close(fd)
	buf := make([]byte, 32<<10)
	var names []string
	for {
		got, err := unix.ReadDirent(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			errno, _ = err.(sock.Errno)
			return errno
		}
		if got == 0 {
			return 0
		}
		_, _, names = unix.ParseDirent(buf[:got], -1, names[:0])
		for _, base := range names {
			if e, ok := d.entry(n, fd, base); ok && !visit(&e) {
				return 0
			}
		}
	}
}

// entry describes one name; what could not be fetched is not listed.
func (d *Drop) entry(n name, dir int, base string) (entry, bool) {
	if strings.HasPrefix(base, reserved) {
		return entry{}, false
	}
	var st unix.Stat_t
	if unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return entry{}, false // gone since
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		place, errno := sock.OpenBeneath(d.dir, n.path+"/"+base, unix.O_PATH, false)
		if errno != 0 {
			return entry{}, false // it leads out, or nowhere
		}
		err := unix.Fstat(place, &st)
		sock.Close(place)
		if err != nil {
			return entry{}, false
		}
	}
	e := entry{name: base, size: st.Size, mtime: st.Mtim.Sec, nsec: st.Mtim.Nsec, mode: st.Mode}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		e.dir = true
		return e, true
	case unix.S_IFREG:
		return e, true
	}
	return entry{}, false
}

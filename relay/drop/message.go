package drop

import (
	"golang.org/x/sys/unix"

	"relay/relay/flow"
)

// message is a body that is no file itself: what a PROPFIND asks for, or a bundle of files. It
// is received as files are, by the same rules for who is slow, into a file in memory; then a
// worker reads it there.
type message struct {
	most    int64      // bytes that it may have
	workers *flow.Disk // that read it
	// read is given all of it, on a worker, in memory that is gone when it returns.
	read func(b []byte) error
	// done is told on the loop that it was read, also if the client has gone meanwhile; nil
	// is nobody's.
	done func()
	// answer goes on with a client that is still there.
	answer func()

	held int64 // bytes taken from the directory's allowance for messages
}

// messagesMost bounds the bytes of the messages that arrive at a time for a directory.
const messagesMost = 64 << 20

// hear takes a message; n is the name that it is about.
func (c *Conn) hear(n name, m *message) {
	r, d := c.request.head, c.drop
	if m.held = r.ContentLength; m.held < 0 {
		m.held = m.most
	}
	switch {
	case !plainCoding(r.Header["Content-Encoding"]):
		c.failBecause(statusMediaType, "the body is taken as it is, without a Content-Encoding")
		return
	case r.ContentLength > m.most:
		c.request.why = BadRequest
		c.failBecause(statusTooLarge, m.tooLong())
		return
	case r.ProtoMinor > 0 && r.Header.Get("Expect") != "" && !c.expects100():
		c.failBecause(statusExpectation, otherExpectation)
		return
	case d.full():
		c.failBecause(statusUnavailable, "too many files are arriving; try again later")
		return
	}
	if d.registry.messages.Add(m.held) > messagesMost {
		d.registry.messages.Add(-m.held)
		c.failBecause(statusUnavailable, "too much is arriving; try again later")
		return
	}
	fd, err := unix.MemfdCreate("message", unix.MFD_CLOEXEC)
	if err != nil {
		d.registry.messages.Add(-m.held)
		c.uploadFailed(err)
		return
	}
	c.up = &upload{name: n, length: r.ContentLength, continues: c.expects100(), message: m, target: flow.Target{FD: fd}}
	if c.up.length < 0 {
		c.up.most, c.up.mostErr = m.most, unix.EMSGSIZE
	}
	d.uploads.Add(1)
	if c.state != opening {
		c.setState(opening)
	}
	c.admitted()
}

func (m *message) tooLong() string {
	return "a body of " + itoa(m.most) + " bytes at most is read for this request"
}

// heard goes on when the message is here.
func (c *Conn) heard() {
	c.rude = false
	up, m := c.up, c.up.message
	var err error
	c.toWorkerOf(m.workers, func() { err = readMapped(up.target.FD, int(up.target.Offset), m.read) }, func() {
		if m.done != nil {
			m.done()
		}
		c.worked(err, func() {
			c.closing = !c.request.keep || c.parting()
			c.abandon()
			m.answer()
		})
	})
}

// readMapped has a file in memory read where it is. Nobody else has it, so nobody can make it
// shorter.
func readMapped(fd, size int, read func([]byte) error) error {
	if size == 0 {
		return read(nil)
	}
	b, err := unix.Mmap(fd, 0, size, unix.PROT_READ, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(b) }() // cannot fail: it was just mapped
	return read(b)
}

package flow

import (
	"sync"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// Way is how a file gets into a socket. The ways differ in one step and share all else:
// the gate before it, what is made of its outcome, and everything a session does.
type Way uint8

// The ways; README says what each costs, and `relay bench` measures it here.
const (
	BySplice   Way = iota // by reference, through a pipe of ours
	BySendfile            // by reference, through the pipe the kernel keeps for the thread
	ByMmap                // one copy, out of a mapping
	ByCopy                // two copies, through a buffer
)

// copyBuffer is the size of the buffer of the last way: larger leaves the second-level
// cache of today's processors, smaller costs calls.
const copyBuffer = 128 << 10

var scratch = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// stride is one step to be done: plain values, so that a worker can be given it.
type stride struct {
	way    Way
	file   int
	socket int
	pipe   int // the write end of an empty pipe, for BySplice
	offset int64
	most   int  // bytes
	last   bool // the file's end in this flow: the socket must not wait for more
	wait   bool // the call may wait for a disk
}

// outcome is what a step did.
type outcome struct {
	n      int        // bytes moved, into the pipe for BySplice, else into the socket
	short  bool       // fewer than asked: the socket is full or the file has ended; the next step tells which
	errno  sock.Errno // counts only when n is 0; 0 then is the end of the file
	ofFile bool       // errno is the file's, not the socket's
}

// fileCalls is the seam at which tests put short steps, EAGAIN and errors.
type fileCalls struct {
	splice    func(file int, offset int64, pipe, max int, wait bool) (int, sock.Errno)
	sendfile  func(socket, file int, offset int64, max int, wait bool) (int, sock.Errno)
	read      func(file int, p []byte, offset int64) (int, sock.Errno)
	readNow   func(file int, p []byte, offset int64) (int, sock.Errno)
	send      func(socket int, p []byte, more bool) (int, sock.Errno)
	mapFile   func(file int, offset int64, length int) ([]byte, error)
	unmap     func([]byte) error
	cached    func(file int, offset, length int64) (int64, sock.Errno)
	readAhead func(file int, offset, length int64)
	size      func(file int) (int64, sock.Errno)
}

var fileKernel = fileCalls{
	splice: sock.SpliceFile, sendfile: sock.SendFile,
	read: sock.ReadAt, readNow: sock.ReadNow, send: sock.SendMapped,
	mapFile: func(file int, offset int64, length int) ([]byte, error) {
		return unix.Mmap(file, offset, length, unix.PROT_READ, unix.MAP_SHARED)
	},
	unmap: unix.Munmap, cached: sock.CachedPages, readAhead: sock.ReadAhead,
	size: func(file int) (int64, sock.Errno) {
		info, errno := sock.Info(file, true)
		return info.Size, errno
	},
}

// stride plans the flow's next step. A flow that gets no pipe uses sendfile, which
// needs none of ours.
func (s *Sender) stride(f *Flow, src *File, dst *End) stride {
	a := stride{
		way: src.Way, file: src.FD, socket: dst.FD, offset: src.Offset,
		most: int(min(int64(f.Chunk), f.Remain)), wait: src.Away,
	}
	if a.way == BySplice {
		if f.pipe = s.mover.Pool.Get(); f.pipe != nil {
			a.pipe = f.pipe.W
		} else {
			a.way = BySendfile
		}
	}
	if a.way == ByCopy && s.buf == nil {
		s.buf = make([]byte, copyBuffer)
	}
	a.last = int64(a.most) == f.Remain
	return a
}

// step does it. It touches nothing but what it is given.
func (c *fileCalls) step(a stride, buf []byte) outcome {
	var did outcome
	switch a.way {
	case BySplice:
		did.n, did.errno = c.splice(a.file, a.offset, a.pipe, a.most, a.wait)
		did.ofFile = true
		return did // short says nothing: the pipe may be out of slots
	case BySendfile:
		did.n, did.errno = c.sendfile(a.socket, a.file, a.offset, a.most, a.wait)
		did.ofFile = fileError(did.errno)
	case ByMmap:
		did = c.mapped(a)
	case ByCopy:
		did = c.copied(a, buf)
	}
	did.short = did.n < a.most
	return did
}

// mapped sends a window of the file out of a mapping that lives for the step only, so
// that nothing needs to be moved or undone with a session. The socket copies, so a hole
// that a truncation has made is an EFAULT and no signal.
func (c *fileCalls) mapped(a stride) outcome {
	skip := int(a.offset & (pageSize - 1))
	window, err := c.mapFile(a.file, a.offset-int64(skip), skip+a.most)
	if err != nil {
		errno, _ := err.(sock.Errno)
		return outcome{errno: errno, ofFile: true}
	}
	n, errno := c.send(a.socket, window[skip:], !a.last)
	_ = c.unmap(window) // cannot fail: it was just mapped
	if errno == unix.EFAULT {
		errno = 0
	}
	return outcome{n: n, errno: errno}
}

func (c *fileCalls) copied(a stride, buf []byte) (did outcome) {
	for did.n < a.most {
		part := buf[:min(len(buf), a.most-did.n)]
		n, errno := c.read(a.file, part, a.offset+int64(did.n))
		if n == 0 {
			did.errno, did.ofFile = errno, true
			return did
		}
		more := !a.last || did.n+n < a.most
		sent, errno := c.send(a.socket, part[:n], more)
		did.n += sent
		if errno != 0 || sent < n {
			did.errno = errno
			return did
		}
	}
	return did
}

// fileError tells an error of the file from one of the socket, for sendfile, which
// reports both.
func fileError(errno sock.Errno) bool {
	switch errno {
	case unix.EIO, unix.EINVAL, unix.ENOSYS, unix.EOVERFLOW, unix.ESTALE, unix.EBADMSG, unix.EUCLEAN, unix.EACCES:
		return true
	}
	return false
}

// unfit reports that the file system does not know this way.
func (o outcome) unfit(w Way) bool {
	switch o.errno {
	case unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP:
		return w != ByCopy
	case unix.ENODEV, unix.ENOMEM, unix.EACCES, unix.EPERM:
		return w == ByMmap
	}
	return false
}

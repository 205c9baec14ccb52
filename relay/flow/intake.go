package flow

import (
	"golang.org/x/sys/unix"

	"relay/pipepool"
	"relay/relay/sock"
)

// intake is a step from a socket into a file: plain values, so that a worker can be
// given it, and what became of it.
type intake struct {
	socket, file int
	pipe         *pipepool.Pipe // or
	buf          *[copyBuffer]byte
	held         int   // bytes taken and not in the file yet
	offset       int64 // in the file, of the first byte held
	remain       int64 // bytes of the stream that have not been taken
	chunk        int   // bytes; most one splice takes
	chunks       *Chunks
	most         int64 // bytes that the file may hold; 0 = any
	mostErr      sock.Errno
	unfit        bool        // splice refuses the file or the socket
	onStored     func(int64) // see Target

	stored    int64
	fileErr   sock.Errno
	dry       bool       // the socket had nothing more, and this is
	sourceErr sock.Errno // why; 0 = its end
}

// storeCalls is the seam at which tests put short steps and errors.
type storeCalls struct {
	splice     func(from, to, max int) (int, sock.Errno) // socket to pipe
	recv       func(socket int, p []byte) (int, sock.Errno)
	spliceFile func(pipe, file int, offset int64, max int) (int, sock.Errno)
	readPipe   func(pipe int, p []byte) (int, sock.Errno)
	write      func(file int, p []byte, offset int64) (int, sock.Errno)
}

var storeKernel = storeCalls{
	splice: sock.Splice, recv: sock.Recv,
	spliceFile: sock.SpliceIntoFile, readPipe: sock.ReadPipe, write: sock.WriteAt,
}

// intakeMost bounds what a worker takes in one go, in bytes: others wait for it, and
// what is known of the transfer (its size, its rate) is as old as that.
const intakeMost = 8 << 20

// run stores what is held, and goes on as long as more comes at once.
func (c *storeCalls) run(a *intake) {
	for {
		a.fileErr = c.put(a)
		if a.onStored != nil {
			a.onStored(a.offset)
		}
		if a.fileErr != 0 || a.remain == 0 || a.stored >= intakeMost {
			return
		}
		if c.take(a); a.held == 0 {
			a.dry = true
			return
		}
	}
}

// take fills the pipe or the buffer with what the socket has.
func (c *storeCalls) take(a *intake) {
	if a.chunks != nil {
		c.takeChunks(a)
		return
	}
	if a.pipe != nil {
		a.held, a.sourceErr = c.splice(a.socket, a.pipe.W, int(min(a.remain, int64(a.chunk))))
		a.pipe.Bytes += a.held
	} else {
		a.held, a.sourceErr = c.recv(a.socket, a.buf[:min(a.remain, copyBuffer, int64(a.chunk))])
	}
	a.remain -= int64(a.held)
}

// takeChunks fills the buffer with decoded data. It never reads beyond what the chunks
// are known to hold, since the next request may follow.
func (c *storeCalls) takeChunks(a *intake) {
	a.held, a.sourceErr = 0, 0
	if a.chunks.failed {
		a.sourceErr = unix.EPROTO
		return
	}
	for !a.chunks.Over() && a.held < copyBuffer {
		part := a.buf[a.held:min(copyBuffer, a.held+a.chunks.Want())]
		n, errno := c.recv(a.socket, part)
		if n == 0 {
			a.sourceErr = errno
			return
		}
		m, err := a.chunks.Decode(part[:n])
		a.held += m
		if err != nil {
			a.sourceErr = unix.EPROTO
			return
		}
	}
	if a.chunks.Over() {
		a.remain = 0
	}
}

// put moves what is held into the file, all of it.
func (c *storeCalls) put(a *intake) sock.Errno {
	if a.most > 0 && a.offset+int64(a.held) > a.most {
		return a.mostErr
	}
	for a.held > 0 {
		n, errno := c.step(a)
		if errno == 0 && n == 0 {
			errno = unix.EIO // a file that takes nothing
		}
		if errno != 0 {
			return errno
		}
		a.held -= n
		a.offset += int64(n)
		a.stored += int64(n)
	}
	return 0
}

func (c *storeCalls) step(a *intake) (int, sock.Errno) {
	if a.pipe == nil {
		return c.writeAll(a.file, a.buf[:a.held], a.offset)
	}
	if !a.unfit {
		n, errno := c.spliceFile(a.pipe.R, a.file, a.offset, a.held)
		if errno != unix.EINVAL && errno != unix.ENOSYS {
			a.pipe.Bytes -= n
			return n, errno
		}
		a.unfit = true // the file system knows no splice: through user space, then
	}
	buf := scratch.Get().(*[copyBuffer]byte)
	defer scratch.Put(buf)
	n, errno := c.readPipe(a.pipe.R, buf[:min(a.held, len(buf))])
	a.pipe.Bytes -= n
	if errno != 0 {
		return 0, errno
	}
	return c.writeAll(a.file, buf[:n], a.offset)
}

func (c *storeCalls) writeAll(file int, p []byte, offset int64) (int, sock.Errno) {
	for done := 0; done < len(p); {
		n, errno := c.write(file, p[done:], offset+int64(done))
		if errno == 0 && n == 0 {
			errno = unix.EIO
		}
		if errno != 0 {
			return 0, errno
		}
		done += n
	}
	return len(p), 0
}

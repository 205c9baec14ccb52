package bench

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"relay/pipepool"
	"relay/relay/loop"
	"relay/relay/sock"
)

// receiveLane puts a stream from the feeder into a file. The loop takes what the socket
// has, into a pipe of the pool or a buffer; a disk worker puts it into the file, since
// that may wait for a disk.
type receiveLane struct {
	run    *run
	from   int64
	length int64
	got    int64
	fd     int
	file   *os.File
	token  loop.Token
	pipe   *pipepool.Pipe
	buf    []byte
	held   int // bytes taken and not yet in the file
	out    bool
	gone   bool // closed while a worker was busy
	errno  sock.Errno
}

func (a *receiveLane) open(r *run, from, length int64) (err error) {
	a.run, a.from, a.length, a.fd = r, from, length, -1
	if a.file, err = unnamed(r.place.dir); err != nil {
		return err
	}
	if r.method.Label == "splice" {
		if a.pipe = r.pool.Get(); a.pipe == nil {
			return fmt.Errorf("no pipe: %w (`relay doctor` says why)", unix.EPERM)
		}
	} else {
		a.buf = make([]byte, r.job.Chunk)
	}
	if a.fd, err = dial(r.job.Feeder); err != nil {
		return err
	}
	token, errno := r.loop.Register(a.fd, a, 0, loop.In)
	if errno != 0 {
		return errno
	}
	a.token = token
	return nil
}

func (a *receiveLane) start() error { return askFor(a.fd, a.from, a.length) }

func (a *receiveLane) Ready(uint8, loop.Events) {
	if a.out {
		return
	}
	n, errno := a.take()
	switch {
	case errno == unix.EAGAIN:
	case errno != 0:
		a.run.finished(fmt.Errorf("the source: %w", errno))
	case n == 0:
		a.run.loop.Ask(a.token, 0)
		a.run.finished(nil)
	default:
		a.held = n
		a.store()
	}
}

// take fills the pipe or the buffer with what the socket has.
func (a *receiveLane) take() (int, sock.Errno) {
	a.run.calls.Add(1)
	if a.pipe == nil {
		return sock.Recv(a.fd, a.buf)
	}
	n, errno := sock.Splice(a.fd, a.pipe.W, a.run.job.Chunk)
	a.pipe.Bytes += n
	return n, errno
}

// store has a worker write what is held. The socket is not watched meanwhile.
func (a *receiveLane) store() {
	a.out = true
	a.run.loop.Ask(a.token, 0)
	a.run.disk.Do(a.run.loop, func() { a.errno = a.write() }, a.stored)
}

func (a *receiveLane) write() sock.Errno {
	for done := 0; done < a.held; {
		a.run.calls.Add(1)
		var n int
		var err error
		if a.pipe == nil {
			n, err = unix.Pwrite(int(a.file.Fd()), a.buf[done:a.held], a.got+int64(done))
		} else {
			at := a.got + int64(done)
			var moved int64
			moved, err = unix.Splice(a.pipe.R, nil, int(a.file.Fd()), &at, a.held-done, 0)
			n = int(moved)
			a.pipe.Bytes -= n
		}
		if err == unix.EINTR {
			continue
		}
		if errno, ok := err.(sock.Errno); ok {
			return errno
		}
		done += n
	}
	return 0
}

// stored is called on the loop's thread when the worker is done.
func (a *receiveLane) stored() {
	a.out = false
	switch {
	case a.gone:
		a.close()
	case a.errno != 0:
		a.run.finished(fmt.Errorf("the file: %w", a.errno))
	default:
		a.got += int64(a.held)
		a.run.loop.Ask(a.token, loop.In)
	}
}

// verify compares what is in the file with what was sent.
func (a *receiveLane) verify() error {
	return checkFile(a.file, a.from, a.length, a.run.job.Verify)
}

// checkFile compares a received file with the pattern: all of it, or eight bytes of
// every MiB and its length.
func checkFile(f *os.File, from, length int64, all bool) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	v := verdict{Got: info.Size(), Wrong: -1}
	part, want := make([]byte, sampleEvery), make([]byte, sampleEvery)
	if !all {
		part = part[:sampleBytes]
	}
	for at := int64(0); at < v.Got && v.Wrong < 0; at += sampleEvery {
		n, _ := f.ReadAt(part, at)
		if i := differs(part[:n], want, from+at); i >= 0 {
			v.Wrong = from + at + int64(i)
		}
	}
	return v.check(length)
}

func (a *receiveLane) close() {
	if a.out {
		a.gone = true
		return
	}
	if a.pipe != nil {
		a.run.pool.Put(a.pipe)
		a.pipe = nil
	}
	if a.fd >= 0 {
		a.run.loop.Forget(a.token)
		sock.Close(a.fd)
		a.fd = -1
	}
	if a.file != nil {
		a.file.Close()
		a.file = nil
	}
}

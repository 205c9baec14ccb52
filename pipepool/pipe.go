package pipepool

import "golang.org/x/sys/unix"

// Pipe is a kernel pipe, both ends non-blocking. Whoever was lent it owns it until
// Pool.Put.
type Pipe struct {
	R, W     int // descriptors of the read and the write end
	Capacity int // bytes the kernel granted; slots count, so this is no promise of room
	Bytes    int // bytes in it now; kept by whoever fills and flushes it
}

// newPipe makes a pipe of about size bytes. The kernel may grant less: an
// unprivileged user may not go over fs.pipe-max-size for one pipe (EPERM), nor over
// fs.pipe-user-pages-soft for all of them together, past which even a new pipe holds
// two pages (pipe(7)). Less than least is an error, and so is a lack of descriptors.
func newPipe(size, least int) (*Pipe, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	p := &Pipe{R: fds[0], W: fds[1]}
	granted, err := resize(p.W, size, least)
	if err != nil {
		p.close()
		return nil, err
	}
	p.Capacity = granted
	return p, nil
}

// resize asks for size bytes and then for half as much until the kernel agrees.
func resize(fd, size, least int) (int, error) {
	for want := size; want >= least; want /= 2 {
		granted, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, want)
		if err == nil {
			return granted, nil
		}
		if err != unix.EPERM && err != unix.EBUSY && err != unix.ENOMEM {
			return 0, err
		}
	}
	return 0, unix.EPERM
}

func (p *Pipe) close() {
	unix.Close(p.R)
	unix.Close(p.W)
	p.R, p.W = -1, -1
}

// Abandon closes the descriptors of a pipe that a pool has released, because another
// process goes on with it. The bytes in it stay there.
func (p *Pipe) Abandon() { p.close() }

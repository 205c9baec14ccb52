package probe

import (
	"time"

	"golang.org/x/sys/unix"
)

// path is the way of a byte in small: a file in memory, a pipe, two connected sockets.
type path struct {
	file       int
	r, w       int // the pipe
	near, far  int // the sockets
	everything []int
}

const pageBytes = 4096

func newPath() (*path, error) {
	p := &path{}
	var pipe, pair [2]int
	var err error
	if p.file, err = unix.MemfdCreate("probe", unix.MFD_CLOEXEC); err != nil {
		return nil, err
	}
	p.everything = append(p.everything, p.file)
	if err = unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		p.close()
		return nil, err
	}
	p.r, p.w = pipe[0], pipe[1]
	p.everything = append(p.everything, pipe[:]...)
	if pair, err = connected(); err != nil {
		p.close()
		return nil, err
	}
	p.near, p.far = pair[0], pair[1]
	p.everything = append(p.everything, pair[:]...)
	// A socket that says nothing must not hold up the start.
	patience := unix.NsecToTimeval(int64(time.Second))
	for _, fd := range pair {
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

func (p *path) close() {
	for _, fd := range p.everything {
		unix.Close(fd)
	}
}

// connected is a pair of TCP sockets, or of unix sockets where there is no loopback.
func connected() ([2]int, error) {
	if pair, err := tcpPair(); err == nil {
		return pair, nil
	}
	return unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
}

func tcpPair() (pair [2]int, err error) {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return pair, err
	}
	defer unix.Close(listener)
	if err = unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return pair, err
	}
	if err = unix.Listen(listener, 1); err != nil {
		return pair, err
	}
	at, err := unix.Getsockname(listener)
	if err != nil {
		return pair, err
	}
	if pair[0], err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return pair, err
	}
	if err = unix.Connect(pair[0], at); err == nil {
		pair[1], _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC)
	}
	if err != nil {
		unix.Close(pair[0])
	}
	return pair, err
}

// cachestat asks about our own file; about files of others the kernel may still refuse.
func (p *path) cachestat() bool {
	at := unix.CachestatRange{Len: pageBytes}
	var stat unix.Cachestat_t
	return unix.Cachestat(uint(p.file), &at, &stat, 0) == nil
}

// sockets sends a byte through socket → pipe → socket.
func (p *path) sockets() bool {
	var got [1]byte
	if _, err := unix.Write(p.far, []byte{'x'}); err != nil {
		return false
	}
	if _, err := unix.Splice(p.near, nil, p.w, nil, 1, 0); err != nil {
		return false
	}
	if _, err := unix.Splice(p.r, nil, p.near, nil, 1, 0); err != nil {
		return false
	}
	n, err := unix.Read(p.far, got[:])
	return err == nil && n == 1 && got[0] == 'x'
}

// pages sends a page of the file the same way and changes it before it is read: what is
// read then tells whether the socket had the page or a copy of it.
func (p *path) pages() (bool, Pages) {
	before, after := make([]byte, pageBytes), []byte{'b'}
	before[0] = 'a'
	if _, err := unix.Pwrite(p.file, before, 0); err != nil {
		return false, Unknown
	}
	var offset int64
	if n, err := unix.Splice(p.file, &offset, p.w, nil, pageBytes, 0); err != nil || n != pageBytes {
		return false, Unknown
	}
	if n, err := unix.Splice(p.r, nil, p.near, nil, pageBytes, 0); err != nil || n != pageBytes {
		return false, Unknown
	}
	if _, err := unix.Pwrite(p.file, after, 0); err != nil {
		return true, Unknown
	}
	var got [1]byte
	if n, err := unix.Read(p.far, got[:]); err != nil || n != 1 {
		return false, Unknown
	}
	if got[0] == 'b' {
		return true, ByReference
	}
	return true, Copied
}

// drain empties the far socket, so that what comes next is seen alone.
func (p *path) drain() {
	rest := make([]byte, 2*pageBytes)
	for {
		if n, _, err := unix.Recvfrom(p.far, rest, unix.MSG_DONTWAIT); n <= 0 || err != nil {
			return
		}
	}
}

// sendfile sends a byte of the file.
func (p *path) sendfile() bool {
	p.drain()
	var offset int64
	if n, err := unix.Sendfile(p.near, p.file, &offset, 1); err != nil || n != 1 {
		return false
	}
	var got [1]byte
	n, err := unix.Read(p.far, got[:])
	return err == nil && n == 1
}

// receive puts a byte from a socket through the pipe into the file.
func (p *path) receive() bool {
	if _, err := unix.Write(p.far, []byte{'r'}); err != nil {
		return false
	}
	if n, err := unix.Splice(p.near, nil, p.w, nil, 1, 0); err != nil || n != 1 {
		return false
	}
	var offset int64
	if n, err := unix.Splice(p.r, nil, p.file, &offset, 1, 0); err != nil || n != 1 {
		return false
	}
	var got [1]byte
	n, err := unix.Pread(p.file, got[:], 0)
	return err == nil && n == 1 && got[0] == 'r'
}

package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Errno is the result of a system call; 0 is success.
type Errno = unix.Errno

// retry repeats a call until a signal no longer interrupts it. The runtime's own
// preemption signals are frequent enough to be seen.
//
// Pointers arrive here as integers; the directive keeps what they point to alive and
// off the stack, which could otherwise move before the kernel looks.
//
//go:uintptrescapes
func retry(trap, a1, a2, a3, a4, a5, a6 uintptr) (int, Errno) {
	for {
		n, _, errno := unix.RawSyscall6(trap, a1, a2, a3, a4, a5, a6)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// Recv reads what is there, at most len(p) bytes. (0, 0) is the end of the stream;
// p must not be empty.
func Recv(fd int, p []byte) (int, Errno) { return recv(fd, p, 0) }

// Peek is Recv that leaves the bytes in the socket.
func Peek(fd int, p []byte) (int, Errno) { return recv(fd, p, unix.MSG_PEEK) }

func recv(fd int, p []byte, flags int) (int, Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(flags|unix.MSG_DONTWAIT), 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// Send writes as much of p as the socket takes. With more set, the kernel may wait
// for further bytes before it sends a short segment; the last bytes of a stream must
// go without it.
func Send(fd int, p []byte, more bool) (int, Errno) {
	flags := unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT
	if more {
		flags |= unix.MSG_MORE
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(flags), 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// Push sends what Send was told that more would follow, if the socket is TCP's.
func Push(fd int) { SetInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }

// WritePipe writes p to the non-blocking pipe end fd.
func WritePipe(fd int, p []byte) (int, Errno) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// Splice moves at most max bytes between a pipe and a socket, whichever way, without
// blocking. (0, 0) is the end of the source. EAGAIN does not say which side it was.
//
// SPLICE_F_MORE is never set: at the end of a stream it holds the last bytes back
// for 200 ms. SPLICE_F_MOVE has done nothing since Linux 2.6.21.
func Splice(from, to, max int) (int, Errno) {
	return retry(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(max), unix.SPLICE_F_NONBLOCK)
}

// Shutdown ends one direction; how is unix.SHUT_WR and so on.
func Shutdown(fd, how int) Errno {
	_, errno := retry(unix.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0, 0, 0, 0)
	return errno
}

// Close closes a descriptor. It is not retried: on Linux the descriptor is gone even
// after EINTR.
func Close(fd int) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// Reset closes a TCP socket so that its peer sees a reset; what the send queue still
// held is lost. On a unix socket, which knows no reset, it is a plain close.
func Reset(fd int) {
	linger := unix.Linger{Onoff: 1, Linger: 0}
	retry(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER,
		uintptr(unsafe.Pointer(&linger)), unsafe.Sizeof(linger), 0)
	Close(fd)
}

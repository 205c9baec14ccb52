package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ended reports that the peer has ended its direction, or that the connection is gone.
// What it sent before may still be unread: the question is for those who only peek.
func Ended(fd int) bool {
	p := unix.PollFd{Fd: int32(fd), Events: unix.POLLRDHUP}
	n, errno := retry(unix.SYS_POLL, uintptr(unsafe.Pointer(&p)), 1, 0, 0, 0, 0)
	return errno == 0 && n > 0
}

// Indexes of what SO_MEMINFO fills in, from linux/sock_diag.h, and how many there are.
const (
	memReceived  = 0 // bytes of memory that unread data takes
	memReceiving = 1 // bytes it may take
	memAll       = 9
)

// ReceiveFull reports that a socket's receive buffer takes no more until something is
// read: with half of it in use, the kernel offers the peer no further room.
func ReceiveFull(fd int) bool {
	var m [memAll]uint32
	size := uint32(unsafe.Sizeof(m))
	_, errno := retry(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&size)), 0)
	return errno == 0 && m[memReceived] > m[memReceiving]/2
}

// Unread is the number of bytes in the receive queue; 0 also when the kernel cannot
// tell.
func Unread(fd int) int {
	var n int32
	if _, errno := retry(unix.SYS_IOCTL, uintptr(fd), unix.SIOCINQ, uintptr(unsafe.Pointer(&n)), 0, 0, 0); errno != 0 {
		return 0
	}
	return int(n)
}

package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// HungUp reports that a socket's peer will send no more. No read tells that while bytes
// are waiting, peeked but not taken.
func HungUp(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0 && p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}

// Unread is the number of bytes that have come and were not taken; 0 also when the
// kernel cannot tell.
func Unread(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// ReceiveFull reports that a TCP socket has closed its window because nothing more fits
// into its receive buffer. That is so only once the peer was told, which may be as late
// as a delayed acknowledgement. Before Linux 6.2 it is never known.
func ReceiveFull(fd int) bool {
	var info unix.TCPInfo
	size := uint32(unsafe.Sizeof(info))
	_, errno := retry(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	told := uintptr(size) >= unsafe.Offsetof(info.Rcv_wnd)+unsafe.Sizeof(info.Rcv_wnd)
	return errno == 0 && told && info.State == tcpEstablished && info.Rcv_wnd == 0
}

// LocalAddress is the address a socket is bound to.
func LocalAddress(fd int) Address {
	var a Address
	a.size = uint32(unsafe.Sizeof(a.raw))
	retry(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&a.raw)), uintptr(unsafe.Pointer(&a.size)), 0, 0, 0)
	return a
}

// Unsent is the number of bytes in the send queue that the peer has not acknowledged;
// 0 also when the kernel cannot tell.
func Unsent(fd int) int {
	var n int32
	if _, errno := retry(unix.SYS_IOCTL, uintptr(fd), unix.SIOCOUTQ, uintptr(unsafe.Pointer(&n)), 0, 0, 0); errno != 0 {
		return 0
	}
	return int(n)
}

// TakeError reads and clears the socket's pending error.
func TakeError(fd int) Errno {
	var v, size int32 = 0, 4
	_, errno := retry(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ERROR,
		uintptr(unsafe.Pointer(&v)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return Errno(v)
}

// States of a connection, of the kernel's net/tcp_states.h.
const (
	tcpEstablished = 1
	tcpClose       = 7
)

// Closed reports that a TCP connection is gone in both directions, as after a reset. No
// error needs to be left to tell so: whoever called first has taken it.
func Closed(fd int) bool {
	var state [4]byte // the first byte of struct tcp_info
	size := int32(len(state))
	_, errno := retry(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&state)), uintptr(unsafe.Pointer(&size)), 0)
	return errno == 0 && state[0] == tcpClose
}

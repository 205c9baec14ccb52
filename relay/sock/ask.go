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

const tcpEstablished = 1

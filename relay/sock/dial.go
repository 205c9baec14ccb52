package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Dial starts a connection. The errno is 0 when it is established at once,
// EINPROGRESS when the socket becomes writable once it is, and anything else is
// final: then no descriptor is returned.
func Dial(to *Address) (int, Errno) {
	fd, errno := Open(to, false)
	if errno != 0 {
		return -1, errno
	}
	if errno = Connect(fd, to); errno != 0 && errno != unix.EINPROGRESS {
		Close(fd)
		return -1, errno
	}
	return fd, errno
}

// Open makes a stream socket for a connection to an address: non-blocking,
// close-on-exec, and without Nagle's delay. mptcp asks for Multipath TCP.
func Open(to *Address, mptcp bool) (int, Errno) {
	protocol := 0
	if mptcp {
		protocol = unix.IPPROTO_MPTCP
	}
	n, _, errno := unix.RawSyscall(unix.SYS_SOCKET, uintptr(to.Family()),
		unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, uintptr(protocol))
	if errno != 0 {
		return -1, errno
	}
	if to.Family() != unix.AF_UNIX {
		SetInt(int(n), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	return int(n), 0
}

// Bind gives a socket its own address.
func Bind(fd int, at *Address) Errno {
	_, errno := retry(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&at.raw)), uintptr(at.size), 0, 0, 0)
	return errno
}

// Connect starts the connection of a socket made by Open; see Dial for the errno. The
// descriptor stays open.
func Connect(fd int, to *Address) Errno {
	_, errno := retry(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&to.raw)), uintptr(to.size), 0, 0, 0)
	return errno
}

// Connected asks a socket whose connect is in progress how it stands: 0 for
// established, EALREADY for not yet, else the error that ended it.
//
// Where nobody listens on a port of this machine's ephemeral range, the kernel may give
// the caller that very port; its SYN then meets itself (RFC 9293, simultaneous open) and
// the socket is connected to itself. That is a refusal.
func Connected(fd int, to *Address) Errno {
	errno := Connect(fd, to)
	if errno != 0 && errno != unix.EISCONN {
		return errno
	}
	if to.AddrPort().Addr().IsLoopback() && LocalAddress(fd) == *to {
		return unix.ECONNREFUSED
	}
	return 0
}

// ConnectWith starts a connection whose first segment carries data (TCP Fast Open), as
// much of it as the returned number says. (0, EINPROGRESS) is a connection like any
// other: there is no cookie of this server's yet.
func ConnectWith(fd int, to *Address, data []byte) (int, Errno) {
	return retry(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)),
		unix.MSG_FASTOPEN|unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&to.raw)), uintptr(to.size))
}

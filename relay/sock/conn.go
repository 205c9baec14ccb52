package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Accept takes one pending connection, non-blocking and close-on-exec. from is
// filled with the client's address.
func Accept(fd int, from *Address) (int, Errno) {
	for {
		from.size = uint32(unsafe.Sizeof(from.raw))
		n, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&from.raw)),
			uintptr(unsafe.Pointer(&from.size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return -1, errno
		}
	}
}

// Dial starts a connection. The errno is 0 when it is established at once,
// EINPROGRESS when the socket becomes writable once it is, and anything else is
// final: then no descriptor is returned.
func Dial(to *Address) (int, Errno) {
	family := to.Family()
	n, _, errno := unix.RawSyscall(unix.SYS_SOCKET, uintptr(family),
		unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if errno != 0 {
		return -1, errno
	}
	fd := int(n)
	if family != unix.AF_UNIX {
		SetInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	_, errno = retry(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&to.raw)), uintptr(to.size), 0, 0, 0)
	if errno != 0 && errno != unix.EINPROGRESS {
		Close(fd)
		return -1, errno
	}
	return fd, errno
}

// Connected asks a socket whose connect is in progress how it stands: 0 for
// established, EALREADY for not yet, else the error that ended it.
func Connected(fd int, to *Address) Errno {
	_, errno := retry(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&to.raw)), uintptr(to.size), 0, 0, 0)
	if errno == unix.EISCONN {
		return 0
	}
	return errno
}

// LocalAddress is the address a socket is bound to.
func LocalAddress(fd int) Address {
	var a Address
	a.size = uint32(unsafe.Sizeof(a.raw))
	retry(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&a.raw)), uintptr(unsafe.Pointer(&a.size)), 0, 0, 0)
	return a
}

// SetInt sets an integer socket option.
func SetInt(fd, level, option, value int) Errno {
	v := int32(value)
	_, errno := retry(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&v)), unsafe.Sizeof(v), 0)
	return errno
}

// Backlog is what listen(2) is asked for; the kernel lowers it to net.core.somaxconn.
const Backlog = 4096

// Listen opens a listening socket. Options that accepted sockets inherit
// (TCP_NODELAY) are set here, so that accepting costs no further call.
//
// An IPv6 socket takes IPv6 only: "0.0.0.0:443" and "[::]:443" can then stand side by
// side, whatever net.ipv6.bindv6only says.
func Listen(at *Address) (int, error) {
	family := at.Family()
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if family != unix.AF_UNIX {
		SetInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		SetInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if family == unix.AF_INET6 {
		SetInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if _, errno := retry(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&at.raw)), uintptr(at.size), 0, 0, 0); errno != 0 {
		Close(fd)
		return -1, errno
	}
	if err := unix.Listen(fd, Backlog); err != nil {
		Close(fd)
		return -1, err
	}
	return fd, nil
}

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

// Backlog is what listen(2) is asked for; the kernel lowers it to net.core.somaxconn.
const Backlog = 4096

// Listening says how a listening socket is made. Accepted sockets inherit its settings,
// so that accepting costs no further call.
type Listening struct {
	Backlog  int // 0 = the constant
	MPTCP    bool
	Settings Settings
}

// Listen opens a listening socket with nothing special about it.
func Listen(at *Address) (int, error) {
	fd, _, err := Listening{Backlog: Backlog}.Open(at)
	return fd, err
}

// Open opens a listening socket. When a setting is what fails, it says which.
//
// An IPv6 socket takes IPv6 only: "0.0.0.0:443" and "[::]:443" can then stand side by
// side, whatever net.ipv6.bindv6only says.
func (l Listening) Open(at *Address) (int, *Setting, error) {
	fd, errno := Open(at, l.MPTCP && at.Family() != unix.AF_UNIX)
	if errno != 0 {
		return -1, nil, errno
	}
	if refused, errno := l.open(fd, at); errno != 0 {
		Close(fd)
		return -1, refused, errno
	}
	return fd, nil, nil
}

func (l Listening) open(fd int, at *Address) (*Setting, Errno) {
	if at.Family() != unix.AF_UNIX {
		SetInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		if refused, errno := l.Settings.Apply(fd); errno != 0 {
			return refused, errno
		}
	}
	if at.Family() == unix.AF_INET6 {
		SetInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if errno := Bind(fd, at); errno != 0 {
		return nil, errno
	}
	backlog := l.Backlog
	if backlog == 0 {
		backlog = Backlog
	}
	_, errno := retry(unix.SYS_LISTEN, uintptr(fd), uintptr(backlog), 0, 0, 0, 0)
	return nil, errno
}

package sock

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Setting is one option of a socket, with the configuration's key for it.
type Setting struct {
	Key    string
	Level  int
	Option int
	Value  int
	Text   string // instead of Value, for options that take a name
}

// Settings are set in their order.
type Settings []Setting

// Apply sets them on a socket and stops at the first that is refused.
func (all Settings) Apply(fd int) (*Setting, Errno) {
	for i := range all {
		s := &all[i]
		if errno := s.apply(fd); errno != 0 {
			return s, errno
		}
	}
	return nil, 0
}

func (s *Setting) apply(fd int) Errno {
	if s.Text == "" {
		return SetInt(fd, s.Level, s.Option, s.Value)
	}
	_, errno := retry(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(s.Level), uintptr(s.Option),
		uintptr(unsafe.Pointer(unsafe.StringData(s.Text))), uintptr(len(s.Text)), 0)
	runtime.KeepAlive(s)
	return errno
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

// ConnectWith starts a connection whose first segment carries data (TCP Fast Open), as
// much of it as the returned number says. (0, EINPROGRESS) is a connection like any
// other: there is no cookie of this server's yet.
func ConnectWith(fd int, to *Address, data []byte) (int, Errno) {
	return retry(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)),
		unix.MSG_FASTOPEN|unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&to.raw)), uintptr(to.size))
}

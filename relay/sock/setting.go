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

// SetInt sets an integer socket option.
func SetInt(fd, level, option, value int) Errno {
	v := int32(value)
	_, errno := retry(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&v)), unsafe.Sizeof(v), 0)
	return errno
}

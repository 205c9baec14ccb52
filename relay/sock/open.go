package sock

import (
	"golang.org/x/sys/unix"
)

// resolveCached has openat2(2) give up with EAGAIN rather than ask a disk for a name
// (Linux 5.12).
const resolveCached = 0x20

// OpenBeneath opens a name that lies beneath a directory: neither ".." nor a symbolic
// link nor a rename under way can lead out of it (EXDEV). With cached set it answers
// EAGAIN where a disk would have to be asked; without, EAGAIN means that a rename came
// in between too often.
//
// Without openat2(2) it is done step by step, and never by what is cached alone.
func OpenBeneath(dir int, name string, flags int, cached bool) (int, Errno) {
	if !hasOpenat2() {
		if cached {
			return -1, unix.EAGAIN
		}
		return openStepwise(dir, name, flags)
	}
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}
	if cached {
		how.Resolve |= resolveCached
	}
	for tries := 0; ; {
		fd, err := unix.Openat2(dir, name, &how)
		switch err {
		case nil:
			return fd, 0
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			if tries++; !cached && tries < renameTries {
				continue
			}
		}
		errno, ok := err.(Errno)
		if !ok {
			errno = unix.EINVAL // a NUL in the name
		}
		return -1, errno
	}
}

// renameTries is how often a lookup that a rename made unsure is repeated.
const renameTries = 32

package sock

import "golang.org/x/sys/unix"

// Scarce tells a want of this machine's own, of descriptors, memory or local ports, from a
// fault of the peer's: it comes again until something here is given back.
func Scarce(errno Errno) bool {
	switch errno {
	case unix.EADDRNOTAVAIL, unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
		return true
	}
	return false
}

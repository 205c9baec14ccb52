package forward

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// stillSince is since when nothing has changed a file, by the monotonic clock. The
// machine's clock counts the first time that a file is looked at, and then no more: it may
// be set meanwhile.
func stillSince(known *file, l look, now time.Time) time.Time {
	if known != nil && known.look == l {
		return known.still
	}
	return now.Add(-max(now.Sub(l.changed), 0)) // of a time to come nothing is known
}

// settles is how long it takes until a file may be complete, 0 if it is. One that nobody
// has changed for a while is, unless somebody still has it open for writing: the kernel
// grants no read lease on such a file (fcntl(2), F_SETLEASE). Where we may not ask, the
// while must do.
func settles(path string, still time.Time, settle time.Duration) time.Duration {
	if age := time.Since(still); age < settle {
		return settle - age
	}
	if openForWriting(path) {
		return max(settle, time.Second)
	}
	return 0
}

func openForWriting(path string) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK) // closing gives it up as well
	}
	return errors.Is(err, unix.EAGAIN)
}

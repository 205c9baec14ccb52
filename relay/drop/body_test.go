package drop

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"relay/relay/drop/digest"
	"relay/relay/flow"
	"relay/relay/sock"
)

// dirty is how many pages of a file the disk has not begun with.
func dirty(t *testing.T, fd int) uint64 {
	t.Helper()
	at, stat := unix.CachestatRange{}, unix.Cachestat_t{} // a length of 0 is all of it
	if _, _, errno := unix.Syscall6(unix.SYS_CACHESTAT, uintptr(fd), uintptr(unsafe.Pointer(&at)), uintptr(unsafe.Pointer(&stat)), 0, 0, 0); errno != 0 {
		t.Skip("cachestat(2) comes with Linux 6.5: ", errno)
	}
	return stat.Dirty
}

// The disk begins with a large file while it arrives.
func TestTheDiskBeginsEarly(t *testing.T) {
	fd, content := growing(t, writeBehind)
	if sock.MemoryFileSystem(fd) {
		t.Skip("needs a directory that is not in memory")
	}
	up := &upload{target: flow.Target{FD: fd}, trail: newTrail(digest.XXH3)}
	stored := up.beside(true)
	write(t, fd, content, 0)
	stored(int64(len(content)))
	if n := dirty(t, fd); n > 0 {
		t.Errorf("it has not begun with %d pages", n)
	}
	wantSum(t, up.trail, fd, content, digest.XXH3)
}

func TestNobodyIsToldWithoutNeed(t *testing.T) {
	if (&upload{}).beside(false) != nil {
		t.Error("a file without a digest that may be lost is followed")
	}
}

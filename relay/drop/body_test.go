package drop

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"relay/relay/drop/digest"
	"relay/relay/drop/store"
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

// What comes is followed where that is cheap, whether the file comes in one request or several.
func TestAimFollowsQuickDigests(t *testing.T) {
	for by, want := range map[digest.Algorithm]bool{digest.XXH3: true, digest.SHA256: false} {
		for name, up := range map[string]*upload{
			"whole": {trail: newTrail(by)},
			"part":  {o: &ongoing{part: &store.Partial{}, trail: newTrail(by)}},
		} {
			up.aim(&Drop{})
			if got := up.target.Stored != nil; got != want {
				t.Errorf("%v, %s: followed is %v", by, name, got)
			}
		}
	}
}

func TestNobodyIsToldWithoutNeed(t *testing.T) {
	if (&upload{}).beside(false) != nil {
		t.Error("a file without a digest that may be lost is followed")
	}
}

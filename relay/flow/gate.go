package flow

import (
	"os"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// gate is what has been learnt about how a file can be asked whether its pages are in
// memory. The zero value tries everything.
type gate uint8

const (
	noCachestat gate = 1 << iota // refused: too old a kernel, or not our file
	noProbe                      // the file system knows no read that does not wait
	inMemory                     // it has no disk to wait for
)

var pageSize = int64(os.Getpagesize())

// InMemory tells that the file has no disk behind it (a memfd).
func (f *File) InMemory() { f.ask = inMemory }

// present reports that the next n bytes of the file can be taken without waiting for a
// disk. cachestat counts pages that are still being read as well; they are the last
// ones of what a read-ahead has asked for, so one byte of the last page, read only if
// that needs no wait, tells those apart.
//
// Without cachestat the first and the last page must do. A page between them that has
// been dropped is then read by the loop; the kernel drops the oldest first, so that is
// rare. Where neither is known every step goes to a worker.
func (s *Sender) present(src *File, n int) bool {
	if src.ask&inMemory != 0 {
		return true
	}
	last := src.Offset + int64(n) - 1
	if src.ask&noCachestat == 0 {
		pages, errno := s.calls.cached(src.FD, src.Offset, int64(n))
		if errno == 0 {
			return pages > last/pageSize-src.Offset/pageSize && s.readable(src, last)
		}
		src.ask |= noCachestat
	}
	if !s.readable(src, src.Offset) || !s.readable(src, last) {
		return false
	}
	return src.ask&(noProbe|inMemory) != noProbe
}

// readable reports that the byte at this offset can be read without a wait, or that
// nobody can tell.
func (s *Sender) readable(src *File, at int64) bool {
	if src.ask&noProbe != 0 {
		return true
	}
	var one [1]byte
	_, errno := s.calls.readNow(src.FD, one[:], at)
	if errno == unix.EOPNOTSUPP || errno == unix.ENOSYS || errno == unix.EINVAL {
		src.ask |= noProbe
		if sock.MemoryFileSystem(src.FD) {
			src.ask |= inMemory
		}
		return true
	}
	return errno != unix.EAGAIN
}

package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of this file put bytes into files. All may wait for a disk.

// SpliceIntoFile moves at most max bytes out of a pipe into a file, from offset on. 0
// bytes without an error is an empty pipe whose write end is closed.
func SpliceIntoFile(pipe, file int, offset int64, max int) (n int, errno Errno) {
	for {
		r, _, errno := unix.Syscall6(unix.SYS_SPLICE, uintptr(pipe), 0, uintptr(file),
			uintptr(unsafe.Pointer(&offset)), uintptr(max), 0)
		if errno != unix.EINTR {
			return result(r, errno)
		}
	}
}

// WriteAt writes p into a file, from offset on.
func WriteAt(file int, p []byte, offset int64) (int, Errno) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_PWRITE64, uintptr(file),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(offset), 0, 0)
		if errno != unix.EINTR {
			return result(n, errno)
		}
	}
}

// ReadPipe takes at most len(p) bytes out of a pipe.
func ReadPipe(pipe int, p []byte) (int, Errno) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(pipe),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if errno != unix.EINTR {
			return result(n, errno)
		}
	}
}

// Identity tells one file from all others of this machine.
type Identity struct{ Device, Inode uint64 }

// Identify says which file a descriptor is.
func Identify(file int) (Identity, Errno) {
	var st unix.Stat_t
	for {
		err := unix.Fstat(file, &st)
		if err == nil {
			return Identity{uint64(st.Dev), st.Ino}, 0
		}
		if errno, _ := err.(Errno); errno != unix.EINTR {
			return Identity{}, errno
		}
	}
}

// SetTime gives a file the time of its last change, in seconds and nanoseconds.
func SetTime(file int, sec, nsec int64) Errno {
	const omit = (1 << 30) - 2 // UTIME_OMIT: the time of the last access stays
	times := [2]unix.Timespec{{Nsec: omit}, {Sec: sec, Nsec: nsec}}
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(file), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	return errno
}

// FreeSpace is how many bytes of a file's file system anybody may still write.
func FreeSpace(file int) (int64, Errno) {
	var fs unix.Statfs_t
	for {
		err := unix.Fstatfs(file, &fs)
		if err == nil {
			return int64(fs.Bavail) * fs.Bsize, 0
		}
		if errno, _ := err.(Errno); errno != unix.EINTR {
			return 0, errno
		}
	}
}

// WriteBehind has the kernel begin to write a range of a file to its disk (all of it with
// a length of 0), so that a later fsync finds little to do.
func WriteBehind(file int, offset, length int64) {
	_ = unix.SyncFileRange(file, offset, length, unix.SYNC_FILE_RANGE_WRITE) // advice
}

package sock

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of this file may wait for a disk, so they tell the scheduler: another
// thread then takes over what this one would have run.
//
// SpliceFile and SendFile can be told that they will not wait, because the page cache
// was just asked about a file of this machine. They then spare the scheduler, to which a
// call of a tenth of a millisecond looks like waiting: its monitor stays awake and takes
// the processor away now and then. Sending by sendfile costs 15 % less CPU without (the
// median of 60 interleaved rounds beside the other).

// SpliceFile moves at most max bytes of a file, from offset on, into a pipe, by
// reference. (0, 0) is the end of the file; EAGAIN is a full pipe.
func SpliceFile(file int, offset int64, pipe, max int, wait bool) (n int, errno Errno) {
	for {
		var r uintptr
		if wait {
			r, _, errno = unix.Syscall6(unix.SYS_SPLICE, uintptr(file), uintptr(unsafe.Pointer(&offset)),
				uintptr(pipe), 0, uintptr(max), unix.SPLICE_F_NONBLOCK)
		} else {
			r, _, errno = unix.RawSyscall6(unix.SYS_SPLICE, uintptr(file), uintptr(unsafe.Pointer(&offset)),
				uintptr(pipe), 0, uintptr(max), unix.SPLICE_F_NONBLOCK)
		}
		if errno != unix.EINTR {
			return result(r, errno)
		}
	}
}

// SendFile moves at most max bytes of a file, from offset on, into a socket. (0, 0) is
// the end of the file; fewer than max may be that, or a full socket.
func SendFile(socket, file int, offset int64, max int, wait bool) (n int, errno Errno) {
	for {
		var r uintptr
		if wait {
			r, _, errno = unix.Syscall6(unix.SYS_SENDFILE, uintptr(socket), uintptr(file),
				uintptr(unsafe.Pointer(&offset)), uintptr(max), 0, 0)
		} else {
			r, _, errno = unix.RawSyscall6(unix.SYS_SENDFILE, uintptr(socket), uintptr(file),
				uintptr(unsafe.Pointer(&offset)), uintptr(max), 0, 0)
		}
		if errno != unix.EINTR {
			return result(r, errno)
		}
	}
}

// ReadAt reads a file from offset on; (0, 0) is its end.
func ReadAt(file int, p []byte, offset int64) (int, Errno) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_PREAD64, uintptr(file),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(offset), 0, 0)
		if errno != unix.EINTR {
			return result(n, errno)
		}
	}
}

// ReadNow is ReadAt that takes only what is in memory: EAGAIN says that a disk would
// have to be asked, and fewer bytes than wanted may say it too. EOPNOTSUPP comes from
// file systems that cannot tell, tmpfs among them.
func ReadNow(file int, p []byte, offset int64) (int, Errno) {
	v := unix.Iovec{Base: unsafe.SliceData(p), Len: uint64(len(p))}
	for {
		n, _, errno := unix.Syscall6(unix.SYS_PREADV2, uintptr(file), uintptr(unsafe.Pointer(&v)), 1,
			uintptr(offset), 0, unix.RWF_NOWAIT)
		if errno != unix.EINTR {
			return result(n, errno)
		}
	}
}

// SendMapped is Send of memory that a file is mapped into: reading it may wait for the
// disk. EFAULT says that the file does not reach that far (any more).
func SendMapped(socket int, p []byte, more bool) (int, Errno) {
	flags := unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT
	if more {
		flags |= unix.MSG_MORE
	}
	for {
		n, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(socket),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(flags), 0, 0)
		if errno != unix.EINTR {
			return result(n, errno)
		}
	}
}

// CachedPages is the number of pages of a range of a file that are in the page cache,
// read or still being read. ENOSYS before Linux 6.5; EPERM since 6.14 for a file that
// the caller neither owns nor may write.
func CachedPages(file int, offset, length int64) (int64, Errno) {
	at := unix.CachestatRange{Off: uint64(offset), Len: uint64(length)}
	var stat unix.Cachestat_t
	_, _, errno := unix.Syscall6(unix.SYS_CACHESTAT, uintptr(file), uintptr(unsafe.Pointer(&at)),
		uintptr(unsafe.Pointer(&stat)), 0, 0, 0)
	return int64(stat.Cache), errno
}

// ReadAhead has the kernel begin to read a range of a file, and does not wait for it.
func ReadAhead(file int, offset, length int64) {
	_ = unix.Fadvise(file, offset, length, unix.FADV_WILLNEED) // advice
}

func result(n uintptr, errno Errno) (int, Errno) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// FileInfo is what is asked about an open file.
type FileInfo struct {
	Mode      uint32 // type and permissions, as in stat(2)
	Links     uint32 // 0: nothing but the descriptor keeps it
	Device    uint64 // the file system it is on
	Size      int64
	Sec, Nsec int64 // of its last change
}

// Info describes an open file. With now set it says what this machine knows; a server
// elsewhere is not asked.
func Info(file int, now bool) (FileInfo, Errno) {
	flags := unix.AT_EMPTY_PATH
	if now {
		flags |= unix.AT_STATX_DONT_SYNC
	}
	var x unix.Statx_t
	const fields = unix.STATX_TYPE | unix.STATX_SIZE | unix.STATX_NLINK | unix.STATX_MTIME
	if err := unix.Statx(file, "", flags, fields, &x); err != nil {
		errno, _ := err.(Errno)
		return FileInfo{}, errno
	}
	return FileInfo{
		Mode: uint32(x.Mode), Links: x.Nlink, Device: unix.Mkdev(x.Dev_major, x.Dev_minor),
		Size: int64(x.Size), Sec: x.Mtime.Sec, Nsec: int64(x.Mtime.Nsec),
	}, 0
}

// Born is when an open file was made, in nanoseconds since 1970; 0 where the file system
// does not say.
func Born(file int) int64 {
	var x unix.Statx_t
	if unix.Statx(file, "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &x) != nil {
		return 0
	}
	return BornOf(&x)
}

// BornOf is the same, of what statx(2) has said.
func BornOf(x *unix.Statx_t) int64 {
	if x.Mask&unix.STATX_BTIME == 0 {
		return 0
	}
	return time.Unix(x.Btime.Sec, int64(x.Btime.Nsec)).UnixNano()
}

// MemoryFileSystem reports that a file lives on a file system without a disk.
func MemoryFileSystem(file int) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(file, &fs) != nil {
		return false
	}
	return fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.RAMFS_MAGIC
}

// RemoteFileSystem reports that opening and asking about files of this file system may
// need an answer from somewhere else, even when the name is known here.
func RemoteFileSystem(file int) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(file, &fs) != nil {
		return false
	}
	switch fs.Type {
	case unix.FUSE_SUPER_MAGIC, unix.NFS_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.V9FS_MAGIC,
		unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.OCFS2_SUPER_MAGIC, unix.CODA_SUPER_MAGIC:
		return true
	}
	return false
}

// CloseFile is Close of a file whose last descriptor this is, or that lives elsewhere:
// it may wait.
func CloseFile(fd int) { _ = unix.Close(fd) }

package probe

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// fileSystem is what a directory's file system can do.
type fileSystem struct {
	err       error // the directory cannot be looked at
	name      string
	free      int64 // bytes
	writable  bool
	unnamed   bool // O_TMPFILE
	xattr     bool // user attributes
	reflink   bool
	elsewhere []string // directories in it that are on another file system
}

// drops checks the directories that are served.
func (m *Machine) drops(n Needs) []*verdict {
	var all []*verdict
	for _, d := range n.Drops {
		all = append(all, m.drop(d))
	}
	return all
}

const dropWhy = "a file is received without a name (O_TMPFILE), its digest kept with it (xattr), and shown by one link on the same file system"

func (m *Machine) drop(d DropNeeds) *verdict {
	fs := m.files(d.Directory)
	if fs.err != nil {
		return check(d.Name, dropWhy, "%s: %v", d.Directory, fs.err).when(true, Problem, "mkdir -p %s, readable by relay's user", d.Directory)
	}
	v := check(d.Name, dropWhy, "%s on %s, %s free: %s", d.Directory, fs.name, sizeText(fs.free), fs.abilities())
	return v.
		when(!fs.writable && d.Write, Problem, "write = true, but this user may not write there: chown it to relay's user, or ReadWritePaths= in the unit").
		when(!fs.writable, Note, "read only for this user: files can be fetched but not dropped; chown or ReadWritePaths= if they should be").
		when(fs.writable && !fs.unnamed, Warning, "a file system with O_TMPFILE (ext4, xfs, btrfs, tmpfs): temporary names are used until then").
		when(fs.writable && !fs.xattr, Warning, "mount with user_xattr, or another file system: digests are not kept").
		when(fs.writable && !fs.reflink, Note, "xfs or btrfs: files would be held for forwarding without a copy").
		when(len(fs.elsewhere) > 0, Note, "other file systems are mounted in it (%s): a move across them copies", strings.Join(fs.elsewhere, ", "))
}

func (fs fileSystem) abilities() string {
	if !fs.writable {
		return "not writable"
	}
	words := make([]string, 0, 3)
	for _, a := range []struct {
		name string
		is   bool
	}{{"O_TMPFILE", fs.unnamed}, {"xattr", fs.xattr}, {"reflink", fs.reflink}} {
		if a.is {
			words = append(words, a.name)
		} else {
			words = append(words, "no "+a.name)
		}
	}
	return strings.Join(words, ", ")
}

// tryDirectory tries everything with files that never get a name, unless there is no
// O_TMPFILE.
func tryDirectory(directory string) (fs fileSystem) {
	var s unix.Statfs_t
	if fs.err = unix.Statfs(directory, &s); fs.err != nil {
		return fs
	}
	fs.name, fs.free = fileSystemName(s.Type), int64(s.Bavail)*s.Bsize
	fs.elsewhere = mountedIn(directory)
	fs.writable = unix.Access(directory, unix.W_OK) == nil && s.Flags&unix.ST_RDONLY == 0
	if !fs.writable {
		return fs
	}
	file, unnamed, err := scratch(directory)
	if err != nil {
		fs.writable = false
		return fs
	}
	defer file.Close()
	fs.unnamed = unnamed
	fd := int(file.Fd())
	fs.xattr = unix.Fsetxattr(fd, "user.relay.probe", []byte("x"), 0) == nil
	if _, err := file.Write(bytes.Repeat([]byte("x"), os.Getpagesize())); err != nil {
		return fs
	}
	if other, _, err := scratch(directory); err == nil {
		fs.reflink = unix.IoctlFileClone(int(other.Fd()), fd) == nil
		other.Close()
	}
	return fs
}

// scratch is a file that is gone when it is closed.
func scratch(directory string) (f *os.File, unnamed bool, err error) {
	fd, err := unix.Open(directory, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), directory), true, nil
	}
	if f, err = os.CreateTemp(directory, ".relay-probe-"); err != nil {
		return nil, false, err
	}
	return f, false, os.Remove(f.Name())
}

// mountedIn is the directories right below this one that are other file systems.
func mountedIn(directory string) (names []string) {
	var top, below unix.Stat_t
	entries, err := os.ReadDir(directory)
	if err != nil || unix.Stat(directory, &top) != nil {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() && unix.Stat(filepath.Join(directory, e.Name()), &below) == nil && below.Dev != top.Dev {
			names = append(names, e.Name())
		}
	}
	return names
}

// FileSystem names the file system of a directory.
func FileSystem(directory string) string {
	var s unix.Statfs_t
	if unix.Statfs(directory, &s) != nil {
		return "unknown"
	}
	return fileSystemName(s.Type)
}

// fileSystemName names those that people have.
func fileSystemName(kind int64) string {
	names := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.TMPFS_MAGIC: "tmpfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay", unix.NFS_SUPER_MAGIC: "nfs",
		unix.F2FS_SUPER_MAGIC: "f2fs", unix.FUSE_SUPER_MAGIC: "fuse", 0x2fc12fc1: "zfs",
	}
	if name, ok := names[kind]; ok {
		return name
	}
	return fmt.Sprintf("file system %#x", kind)
}

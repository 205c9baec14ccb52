package bench

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// makeFile writes a file of the pattern that has no name, so that nothing is left
// behind whatever happens. Its pages are in the page cache and on the disk when it
// returns, so that no write-back disturbs what is measured.
func makeFile(dir string, size int64) (*os.File, error) {
	f, err := unnamed(dir)
	if err != nil {
		return nil, err
	}
	block := make([]byte, 4<<20)
	for at := int64(0); at < size; at += int64(len(block)) {
		part := block[:min(int64(len(block)), size-at)]
		fill(part, at)
		if _, err := f.Write(part); err != nil {
			f.Close()
			return nil, fmt.Errorf("a file of %d bytes in %s (--dir names another place): %w", size, dir, err)
		}
	}
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		f.Close()
		return nil, fmt.Errorf("sync the file in %s: %w", dir, err)
	}
	return f, nil
}

// unnamed opens a new file that nobody else can find.
func unnamed(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), dir+"/(unnamed)"), nil
	}
	f, err := os.CreateTemp(dir, "relay-bench-") // a file system without O_TMPFILE
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// room is the free space of a directory's file system, in bytes.
func room(dir string) int64 {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil {
		return 0
	}
	return int64(fs.Bavail) * fs.Bsize
}

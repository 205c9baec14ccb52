package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// targets are the directories that files go to.
var targets = []string{"relay", "nginx", "rsync", "scp", "hop", "far", "hop2", "far2", "between", "near", "away"}

const directoryMode = 0o755

// fit makes the large file smaller if the disk has no room for it: it is there, arrives, and
// with two hops is there once more.
func fit(dir string, size int64) (int64, error) {
	const copies, reserve = 3, 1 << 30
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return 0, err
	}
	room := (int64(disk.Bavail)*disk.Bsize - reserve) / copies
	if room < size {
		fmt.Fprintf(os.Stderr, "the disk has no room for %d copies of a file of %d bytes: it is of %d\n", copies, size, room)
		size = room
	}
	if size <= 0 {
		return 0, fmt.Errorf("%s: no room: give another place with -dir", dir)
	}
	return size, nil
}

// prepare writes what is sent, and the directories it goes to.
func prepare(dir string, size int64) error {
	const piece, small = 1 << 20, 4096
	random := rand.NewChaCha8([32]byte{1})
	for _, d := range append([]string{"small", aside}, targets...) {
		if err := os.Mkdir(filepath.Join(dir, d), directoryMode); err != nil {
			return err
		}
	}
	big, err := os.Create(filepath.Join(dir, "big"))
	if err != nil {
		return err
	}
	defer big.Close()
	buf := make([]byte, piece)
	for left := size; left > 0; left -= piece {
		_, _ = random.Read(buf) // never fails
		if _, err := big.Write(buf[:min(left, piece)]); err != nil {
			return err
		}
	}
	for i := range *files {
		_, _ = random.Read(buf[:small])
		if err := os.WriteFile(filepath.Join(dir, "small", smallName(i)), buf[:small], 0o644); err != nil {
			return err
		}
	}
	return nil
}

func smallName(i int) string { return fmt.Sprintf("f%06d", i) }

// aside is where trees of small files wait for the end. To remove them at once would be
// measured in all that follows: for some minutes ext4 gives no inode again that was removed,
// and looks through all of those for each new one (recently_deleted in fs/ext4/ialloc.c).
const aside = "aside"

// takeAllAway takes away what was received, but for what a drop keeps for itself.
func takeAllAway(dir string) error {
	for _, d := range targets {
		entries, err := os.ReadDir(filepath.Join(dir, d))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			if err := takeAway(dir, filepath.Join(dir, d, e.Name()), e.IsDir()); err != nil {
				return err
			}
		}
	}
	return nil
}

func takeAway(dir, path string, isDir bool) error {
	if !isDir {
		return os.Remove(path)
	}
	to, err := os.MkdirTemp(filepath.Join(dir, aside), "")
	if err != nil {
		return err
	}
	return os.Rename(path, filepath.Join(to, filepath.Base(path)))
}

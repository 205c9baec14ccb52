package forward

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"relay/relay/drop/store"
)

// The directories of a drop that files go to when they are done with. Nothing is
// forwarded from there.
const (
	archiveDirectory = "archive"
	failedDirectory  = "failed"
)

// apart reports that a path of the drop is not for forwarding.
func apart(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return first == archiveDirectory || first == failedDirectory || strings.HasPrefix(path, store.Reserved) || strings.Contains(path, "/"+store.Reserved)
}

// scan looks through a directory and all below it, and calls found with each regular
// file. unwatched is told of a directory that cannot be watched.
func (w *watch) scan(dir string, stopped func() bool, found func(path string), unwatched func(error)) {
	if stopped() {
		return
	}
	if err := w.add(dir); err != nil {
		unwatched(err)
	}
	entries, err := os.ReadDir(filepath.Join(w.root, dir))
	if err != nil {
		return // gone, or not ours to read: the drop itself says so
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case apart(path):
		case e.IsDir():
			w.scan(path, stopped, found, unwatched)
		case e.Type()&fs.ModeType == 0:
			found(path)
		}
	}
}

package store

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// rig is a store on a directory of its own.
type rig struct {
	*Store
	t   *testing.T
	dir string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return &rig{New(fd, true), t, dir}
}

// unnamed makes the store believe that the file system knows no files without a name.
func (r *rig) unnamed() {
	r.calls.temporary = func(int) (int, sock.Errno) { return -1, unix.EOPNOTSUPP }
}

// both runs a test with files that have no name meanwhile, and with hidden ones, these also
// where rename always replaces, and where there are no links either.
func both(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Run("unnamed", func(t *testing.T) { f(t, newRig(t)) })
	t.Run("hidden", func(t *testing.T) {
		r := newRig(t)
		r.unnamed()
		f(t, r)
	})
	refuse := func(with sock.Errno) func(int, string, string) sock.Errno {
		return func(int, string, string) sock.Errno { return with }
	}
	t.Run("renamed over", func(t *testing.T) {
		r := newRig(t)
		r.unnamed()
		r.calls.renameNew = refuse(unix.EINVAL)
		f(t, r)
	})
	t.Run("without links", func(t *testing.T) {
		r := newRig(t)
		r.unnamed()
		r.calls.renameNew, r.calls.linkName = refuse(unix.EINVAL), refuse(unix.EPERM)
		f(t, r)
	})
}

func (r *rig) put(path, content string, terms Terms) (Published, error) {
	r.t.Helper()
	p, err := r.Begin(path, int64(len(content)))
	if err != nil {
		return Published{}, err
	}
	if _, err := unix.Write(p.FD, []byte(content)); err != nil {
		r.t.Fatal(err)
	}
	return p.Publish(terms)
}

// want checks the whole tree: paths and contents.
func (r *rig) want(files map[string]string) {
	r.t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(r.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(r.dir, path)
		got[rel] = string(content)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	for path, content := range files {
		if got[path] != content {
			r.t.Errorf("%s holds %.20q, want %.20q", path, got[path], content)
		}
		delete(got, path)
	}
	for path := range got {
		r.t.Errorf("there is a file %s", path)
	}
}

func (r *rig) wantDescriptors() func() {
	count := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			r.t.Fatal(err)
		}
		return len(all)
	}
	before := count()
	return func() {
		r.t.Helper()
		if n := count(); n != before {
			r.t.Errorf("%d descriptors, %d before", n, before)
		}
	}
}

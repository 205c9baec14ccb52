//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"relay/test/harness"
)

// transfers are the ways of a drop to send a file.
var transfers = []string{"splice", "sendfile", "mmap", "copy"}

// dropRig is a relay with a drop "files", and a listener "web" in front of it, as in
// relay.toml.
type dropRig struct {
	*harness.Relay
	straight string // base URL of the drop
	through  string // base URL of the same through the listener
}

// startDrop serves a directory.
func startDrop(t testing.TB, directory, transfer string) *dropRig {
	t.Helper()
	address := freeAddress(t, "127.0.0.1")
	c := harness.Proxy(address)
	c.Drops = []harness.Table{{
		"name": "files", "listen": []string{address}, "directory": directory, "transfer": transfer,
	}}
	r := harness.Start(t, c)
	return &dropRig{Relay: r, straight: "http://" + address, through: "http://" + r.Address(t, "web")}
}

// bothWays runs a test on the drop itself and on the listener in front of it.
func (d *dropRig) bothWays(t *testing.T, f func(t *testing.T, url string)) {
	t.Helper()
	t.Run("straight", func(t *testing.T) { f(t, d.straight) })
	t.Run("through", func(t *testing.T) { f(t, d.through) })
}

// past is when the files of a tree were last changed.
var past = time.Date(2020, 2, 29, 12, 34, 56, 0, time.UTC)

// treeNames are names that programs and pages get wrong.
var treeNames = []string{
	"plain.txt",
	"empty",
	"with space.txt",
	"ümlaut-日本.txt",
	"percent%41.txt",
	"hash#mark.txt",
	"plus+and&amp;.txt",
	"angle<b>.html",
	"quote'\".txt",
	"colon:name",
	".hidden",
	"deep/er/est/file.txt",
	"dir with space/and ünicode/x.txt",
}

// makeTree makes a directory with a file of each name, whose content is its name, and
// one that is large enough to be streamed.
func makeTree(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range treeNames {
		content := name + "\n"
		if name == "empty" {
			content = ""
		}
		write(t, filepath.Join(dir, name), content)
	}
	if err := writeRandom(filepath.Join(dir, "deep/random.bin"), 5_000_000); err != nil {
		t.Fatal(err)
	}
	eachFile(t, dir, func(name string) {
		if err := os.Chtimes(filepath.Join(dir, name), past, past); err != nil {
			t.Fatal(err)
		}
	})
	return dir
}

// eachFile calls f with every file beneath a directory, by its relative name.
func eachFile(t testing.TB, dir string, f func(name string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			f(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantTree fails the test unless every file of the original is in the copy, with its
// bytes and its time; but for names that the program cannot write.
func wantTree(t testing.TB, got, want string, except ...string) {
	t.Helper()
	eachFile(t, want, func(name string) {
		if slices.Contains(except, name) {
			return
		}
		wantSame(t, filepath.Join(got, name), filepath.Join(want, name))
		info, err := os.Stat(filepath.Join(got, name))
		if err != nil {
			t.Fatal(err)
		}
		if !info.ModTime().Equal(past) {
			t.Errorf("%s was changed at %v, want %v", name, info.ModTime().UTC(), past)
		}
	})
}

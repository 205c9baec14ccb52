//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// davNames are names that break who puts them into XML or a URL without care, or cleans
// them up.
var davNames = append([]string{
	"what?.txt", "a&b;c=d", "100%", "trailing dots...", "back\\slash", "semi;colon", "[brackets]{braces}", "at@sign", "tilde~", "-dash", " leading space", "sub/#/ünï/?",
}, treeNames...)

// startWebDAV runs a drop that wants a token, and returns its directory, URL and token.
func startWebDAV(t testing.TB) (dir, url, secret string) {
	t.Helper()
	file := filepath.Join(harness.Directory(t), "tokens")
	made := harness.Run(t, "token", "new", "--name", "me", "--rights", "read,write,list,delete", file)
	if made.Code != 0 {
		t.Fatal(made)
	}
	dir, url = startUploads(t, harness.Table{"tokens_file": file})
	return dir, url, strings.TrimSpace(made.Stdout)
}

// TestRcloneToDrop copies a tree to a drop with rclone's webdav backend, and does to it what
// people do then. The vendors owncloud and nextcloud send times along, which the drop keeps.
func TestRcloneToDrop(t *testing.T) {
	tree := makeTree(t)
	for _, name := range davNames {
		path := filepath.Join(tree, name)
		write(t, path, name)
		if err := os.Chtimes(path, past, past); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(tree, "empty dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	dir, url, secret := startWebDAV(t)
	obscured := strings.TrimSpace(program(t, "rclone", "obscure", secret).ok(t))
	for _, c := range []struct {
		vendor, login string
		times         bool
	}{
		{"owncloud", "bearer_token=" + secret, true},
		{"nextcloud", fmt.Sprintf("user=me,pass='%s'", obscured), true},
		{"other", "bearer_token=" + secret, false},
	} {
		t.Run(c.vendor, func(t *testing.T) {
			remote := fmt.Sprintf(":webdav,url='%s',vendor=%s,%s:%s", url, c.vendor, c.login, c.vendor)
			there := filepath.Join(dir, c.vendor)
			rclone := func(args ...string) string { return program(t, "rclone", args...).ok(t) }
			rclone("copy", "--create-empty-src-dirs", tree, remote)
			eachFile(t, tree, func(name string) { wantSame(t, filepath.Join(there, name), filepath.Join(tree, name)) })
			if _, err := os.Stat(filepath.Join(there, "empty dir")); err != nil {
				t.Error(err)
			}
			if c.times {
				wantTree(t, there, tree)
			}
			rclone("check", "--download", tree, remote)
			wantListed(t, rclone("lsf", "-R", "--files-only", remote), tree)

			again := program(t, "rclone", "copy", "-v", tree, remote)
			again.ok(t)
			if said := again.stderr.String(); strings.Contains(said, "Copied") {
				t.Errorf("copied again, though nothing changed:\n%s", said)
			}

			other := t.TempDir()
			write(t, filepath.Join(other, "100%"), "changed, and longer")
			write(t, filepath.Join(other, "new"), "new")
			rclone("sync", other, remote)
			rclone("check", "--download", other, remote)
			wantNames(t, there, "100%", "new")

			rclone("moveto", remote+"/100%", remote+"/in/there? #1")
			if got := read(t, filepath.Join(there, "in/there? #1")); got != "changed, and longer" {
				t.Errorf("moved: %q", got)
			}
			rclone("copyto", remote+"/in/there? #1", remote+"/in/copy")
			wantSame(t, filepath.Join(there, "in/copy"), filepath.Join(there, "in/there? #1"))
			rclone("deletefile", remote+"/in/copy")
			rclone("move", remote+"/in", remote+"/out")
			rclone("deletefile", remote+"/new")
			wantNames(t, there, "out/there? #1")
			if got := rclone("cat", remote+"/out/there? #1"); got != "changed, and longer" {
				t.Errorf("%q", got)
			}
			rclone("delete", "--rmdirs", remote+"/out")
			wantNames(t, there)
		})
	}
}

// wantNames checks which files there are.
func wantNames(t testing.TB, dir string, want ...string) {
	t.Helper()
	var got []string
	eachFile(t, dir, func(name string) { got = append(got, name) })
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("there are %q, want %q", got, want)
	}
}

// TestCadaver does with a drop what a person does with a WebDAV client that asks for all
// kinds of properties and looks for locks.
func TestCadaver(t *testing.T) {
	dir, url, secret := startWebDAV(t)
	p := program(t, "cadaver", url)
	write(t, filepath.Join(p.Dir, ".netrc"), "machine 127.0.0.1 login me password "+secret+"\n")
	p.Stdin = strings.NewReader(strings.Join([]string{
		"mkcol new", "cd new", "put " + big(t), "ls", "move " + bigName + " moved", "get moved " + filepath.Join(p.Dir, "got"),
		"propget moved", "mkcol sub", "rmcol sub", "cd ..", "ls", "quit", "",
	}, "\n"))
	said := p.ok(t)
	if strings.Contains(said, "failed") || !strings.Contains(said, "Coll:   new") {
		t.Errorf("cadaver says:\n%s", said)
	}
	wantSame(t, filepath.Join(dir, "new", "moved"), big(t))
	wantSame(t, filepath.Join(p.Dir, "got"), big(t))
	wantNames(t, dir, "new/moved")
}

package test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
)

// A tree comes with every byte, name, mode and time, its empty directories too; a second
// time nothing is moved; and what differs since is fetched again.
func TestGetTree(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	small := 2000
	if harness.Full {
		small = 20_000
	} else if testing.Short() {
		small = 300
	}
	plant(t, r.dir, small)
	url := "http://" + r.Address(t, "files") + "/"
	to := filepath.Join(t.TempDir(), "to")
	m := transferAll(t, "get", url, to)
	sameTree(t, to, r.dir)
	wantNoParts(t, to)
	if m.Bytes != m.BytesMoved {
		t.Errorf("moved %d bytes of %d", m.BytesMoved, m.Bytes)
	}
	if again := transferAll(t, "get", url, to); again.BytesMoved != 0 || again.Files != m.Files {
		t.Errorf("the second time: %+v, the first %+v", again, m)
	}
	plantFile(t, filepath.Join(to, "two words"), []byte("of this size no more"), 0o600, time.Now())
	if err := os.Remove(filepath.Join(to, "one")); err != nil {
		t.Fatal(err)
	}
	if again := transferAll(t, "get", url, to); again.BytesMoved != 4097 {
		t.Errorf("mended by %d bytes, want 4097", again.BytesMoved)
	}
	sameTree(t, to, r.dir)
}

// "…/name" becomes "name"; what is in "…/name/" goes straight into the directory.
func TestGetPlaces(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	r.file(t, "sub/a b", []byte("content"))
	r.file(t, "c", []byte("c"))
	url := "http://" + r.Address(t, "files")
	to := t.TempDir()
	transferAll(t, "get", url+"/c", url+"/sub", url+"/sub/", url+"/sub/a%20b", filepath.Join(to, "new", "dir"))
	for name, want := range map[string]string{"c": "c", "sub/a b": "content", "a b": "content"} {
		if got, err := os.ReadFile(filepath.Join(to, "new", "dir", name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A directory that is named itself comes with its own mode and time, too: one that is
// closed to others over there is closed here.
func TestGetNamedTree(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	r.file(t, "sub/a", []byte("content"))
	from, at := filepath.Join(r.dir, "sub"), time.Unix(1_000_000_000, 123_456_789)
	if err := os.Chmod(from, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(from, at, at); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	transferAll(t, "get", "http://"+r.Address(t, "files")+"/sub", to)
	info, err := os.Stat(filepath.Join(to, "sub"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 || !info.ModTime().Equal(at) {
		t.Errorf("%v of %v, want a mode of 0700 and %v", info.Mode(), info.ModTime(), at)
	}
}

// Connections that are cut at random do not matter: files go on where they were.
func TestGetOverABadNetwork(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	plant(t, r.dir, 300)
	r.file(t, "big", bytesOf(99, 20_000_000))
	for seed := range uint64(3) {
		f := flaky(t, r.Address(t, "files"), seed, 30, 3_000_000)
		to := filepath.Join(t.TempDir(), "to")
		m := transferAll(t, "get", "http://"+f.Address+"/", to)
		sameTree(t, to, r.dir)
		wantNoParts(t, to)
		if f.Cut() < 10 {
			t.Errorf("only %d connections were cut", f.Cut())
		}
		if over := m.BytesMoved - m.Bytes; over > 60_000_000 {
			t.Errorf("%d bytes came twice", over)
		}
	}
}

// A get that was killed goes on, whenever that was; so does one whose server was.
func TestGetAfterKills(t *testing.T) {
	t.Parallel()
	var address string
	edit := func(_ *harness.Config, d harness.Table) {
		if address != "" {
			d["listen"] = []string{address}
		}
	}
	r := startDrop(t, edit)
	const size = 30_000_000
	r.file(t, "big", bytesOf(1, size))
	f := flaky(t, r.Address(t, "files"), 0, 0, 1)
	to := t.TempDir()
	args := []string{"get", "--limit-rate", "20MB", "http://" + f.Address + "/big", to}
	for round := range 3 {
		c := begin(t, args...)
		part := waitForPart(t, to, int64(round+1)*4_000_000)
		if round == 1 { // the server dies instead
			r.Signal(t, syscall.SIGKILL)
			r.Exit(t)
			next := startDrop(t, func(_ *harness.Config, d harness.Table) { d["directory"] = r.dir })
			f.Target(next.Address(t, "files"))
			waitForPart(t, to, part+1_000_000)
		}
		c.kill(t)
	}
	m := transferAll(t, args...)
	if m.BytesMoved > size-12_000_000 {
		t.Errorf("%d bytes of %d were fetched again", m.BytesMoved, size)
	}
	sameTree(t, to, r.dir)
	wantNoParts(t, to)
}

// waitForPart waits until the hidden part in a directory has grown to a size.
func waitForPart(t testing.TB, dir string, size int64) (is int64) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("a part of %d bytes", size), func() (bool, any) {
		all, _ := filepath.Glob(filepath.Join(dir, ".relay-get-*"))
		for _, path := range all {
			if info, err := os.Stat(path); err == nil && !strings.HasSuffix(path, ".json") {
				is = info.Size()
			}
		}
		return is >= size, is
	})
	return is
}

// A file that was exchanged meanwhile is fetched from its beginning, never mixed.
func TestGetOfAFileThatWasExchanged(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	r.file(t, "big", bytesOf(1, 30_000_000))
	to := t.TempDir()
	args := []string{"get", "--limit-rate", "10MB", "http://" + r.Address(t, "files") + "/big", to}
	c := begin(t, args...)
	waitForPart(t, to, 2_000_000)
	c.kill(t)
	next := bytesOf(2, 5_000_000)
	path := r.file(t, "next", next)
	if err := os.Rename(path, filepath.Join(r.dir, "big")); err != nil {
		t.Fatal(err)
	}
	transferAll(t, args...)
	if got, err := os.ReadFile(filepath.Join(to, "big")); err != nil || !bytes.Equal(got, next) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	wantNoParts(t, to)
}

// What is wrong is said, with what to do; the rest is fetched all the same.
func TestGetErrors(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	r.file(t, "a", []byte("a"))
	url := "http://" + r.Address(t, "files")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{url + "/nope"}, 1, "404 Not Found: there is no such name"},
		{[]string{url + "/a", url + "/nope"}, 3, "there is no such name"},
		{[]string{}, 2, "requires at least 1 arg"},
		{[]string{"directory"}, 2, "a URL is needed"},
		{[]string{"https://host/a"}, 2, "relay speaks no TLS yet"},
		{[]string{"http://user:word@host/a"}, 2, "--token-file"},
		{[]string{"--limit-rate", "fast", url + "/a"}, 2, "--limit-rate"},
		{[]string{"--digest", "md5", url + "/a"}, 2, "xxh3-128, sha-256 and none"},
		{[]string{"--durability", "some", url + "/a"}, 2, "neither fsync nor none"},
		{[]string{"-j", "0", url + "/a"}, 2, "at least 1"},
		{[]string{"--token-file", "/nonexistent", url + "/a"}, 1, "--token-file"},
		{[]string{"--give-up-after", "300ms", "http://127.0.0.1:1/a"}, 1, "connection refused"},
		{[]string{url + "/a", "/dev/null/x"}, 1, "not a directory"},
	} {
		o := harness.Run(t, append([]string{"get"}, c.args...)...)
		if o.Code != c.code || !strings.Contains(o.Stderr, c.says) {
			t.Errorf("%v: exit code %d, want %d and %q:\n%s", c.args, o.Code, c.code, c.says, o.Stderr)
		}
	}
}

// A server that lists names which lead elsewhere gets nowhere.
func TestGetFromAHostileServer(t *testing.T) {
	t.Parallel()
	for _, href := range []string{"../x", "..", "a%2Fb", "%2e%2e", "/etc/x", "", "a%00b", "http://h/x", "a?b", "x/y"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("Accept") == "application/json" {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"entries":[{"href":%q,"kind":"file","size":1,"mode":"0644"}],"more":false}`, href)
				return
			}
			_, _ = io.WriteString(w, "x")
		}))
		base := t.TempDir()
		o := harness.Run(t, "get", "--give-up-after", "0s", s.URL+"/", filepath.Join(base, "in"))
		s.Close()
		if o.Code == 0 || !strings.Contains(o.Stderr, "cannot be one") {
			t.Errorf("%q: exit code %d, %s", href, o.Code, o.Stderr)
		}
		if left := snapshot(t, base, false); len(left) != 1 {
			t.Errorf("%q left %v", href, left)
		}
	}
}

// A symbolic link in the directory does not lead a fetch out of it.
func TestGetDoesNotFollowLinksOut(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	r.file(t, "sub/a", []byte("a"))
	base := t.TempDir()
	to := filepath.Join(base, "to")
	for _, dir := range []string{to, filepath.Join(base, "out")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../out", filepath.Join(to, "sub")); err != nil {
		t.Fatal(err)
	}
	o := harness.Run(t, "get", "http://"+r.Address(t, "files")+"/", to)
	if left := snapshot(t, filepath.Join(base, "out"), false); o.Code == 0 || len(left) != 0 {
		t.Errorf("exit code %d, outside lies %v\n%s", o.Code, left, o.Stderr)
	}
}

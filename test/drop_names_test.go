package test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/test/harness"
)

// leave is what names that lead out are tried on: a directory "public" beside a secret.
func leave(t *testing.T) *dropRig {
	t.Helper()
	var public string
	r := startDrop(t, func(_ *harness.Config, d harness.Table) {
		public = filepath.Join(d["directory"].(string), "public")
		if err := os.MkdirAll(filepath.Join(public, "sub", "deep"), 0o755); err != nil {
			t.Fatal(err)
		}
		d["directory"] = public
	})
	r.file(t, "secret", []byte("the secret"))
	r.file(t, "public-not/secret", []byte("the secret"))
	r.dir = public
	r.file(t, "sub/deep/file", []byte("content"))
	for name, to := range map[string]string{
		"out-relative": "../secret", "out-absolute": "/etc/passwd", "out-directory": "..", "sub/out": "../../secret",
		"sub/in": "../sub/deep/file", "in": "sub/deep/file", "in-directory": "sub", "loop": "loop",
		"absolute-in": filepath.Join(public, "sub/deep/file"), "proc": "/proc/self/environ", "root": "/",
	} {
		if err := os.Symlink(to, filepath.Join(public, name)); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// Nothing outside the directory can be had, however it is asked for.
func TestDropNamesThatLeadOut(t *testing.T) {
	t.Parallel()
	r := leave(t)
	c := r.client(t)
	for _, path := range []string{
		"/../secret", "/../", "/..", "/%2e%2e/secret", "/%2E%2E/secret", "/.%2e/secret", "/..%2fsecret", "/..%2Fsecret",
		"/%2e%2e%2fsecret", "/sub/../../secret", "/sub/deep/../../../secret", "/./../secret", "//../secret", "/sub//../../secret",
		"/%252e%252e/secret", "/..%252fsecret", "/..%5csecret", "/..\\secret", "/%c0%ae%c0%ae/secret", "/..;/secret",
		"/../public-not/secret", "/-not/secret", "//etc/passwd", "///etc/passwd", "/%2fetc/passwd", "/%2Fetc%2Fpasswd", "/etc/passwd",
		"/..%00/secret", "/sub/deep/file%00", "/%00", "/sub/%2e%2e/%2e%2e/secret",
		"/out-relative", "/out-absolute", "/out-directory/secret", "/out-directory/", "/sub/out", "/absolute-in", "/loop",
		"/proc", "/root/etc/passwd", "/root/", "http://test/../secret", "http://test/%2e%2e/secret",
	} {
		c.say(t, get(path))
		a := c.hear(t, "GET")
		if a.StatusCode != 404 && a.StatusCode != 400 {
			t.Errorf("%s: status %d, %.60q", path, a.StatusCode, a.body)
		}
		if strings.Contains(string(a.body), "secret") || strings.Contains(string(a.body), "root:") {
			t.Errorf("%s: the answer tells a secret: %.60q", path, a.body)
		}
		if a.Close {
			c = r.client(t)
		}
	}
	for path, want := range map[string]string{
		"/sub/deep/file": "content", "/in": "content", "/sub/in": "content", "/in-directory/deep/file": "content",
		"//sub///deep/file": "content", "/./sub/./deep/file": "content", "/sub%2fdeep%2ffile": "content", "/%73ub/deep/file?x=/../": "content",
		"http://test/in": "content",
	} {
		c.fetch(t, path).want(t, 200, []byte(want))
	}
	page := string(c.fetch(t, "/").body)
	for _, name := range []string{"out-relative", "out-absolute", "out-directory", "proc", "root", "loop"} {
		if strings.Contains(page, `href="`+name) {
			t.Errorf("%s, which leads out, is listed", name)
		}
	}
}

// A redirect never leads to another host.
func TestDropRedirectsStayHere(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	for _, name := range []string{"evil.example", "\\evil.example", "a b", "%0d%0aX: y", "ü", "x\r\nSet-Cookie: a=b"} {
		if err := os.Mkdir(filepath.Join(r.dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := r.client(t)
	for path, want := range map[string]string{
		"//evil.example": "/evil.example/", "///evil.example": "/evil.example/", "/%5cevil.example": "/%5Cevil.example/",
		"/\\evil.example": "/%5Cevil.example/", "/a%20b": "/a%20b/", "/%250d%250aX:%20y": "/%250d%250aX%3A%20y/",
		"/%C3%BC?q=1": "/%C3%BC/", "/x%0d%0aSet-Cookie:%20a=b": "/x%0D%0ASet-Cookie%3A%20a%3Db/", "http://other/a%20b": "/a%20b/",
	} {
		a := c.fetch(t, path)
		if a.StatusCode != 301 || a.Header.Get("Location") != want || len(a.Header["Set-Cookie"]) > 0 {
			t.Errorf("%s: status %d, Location %q; want %q", path, a.StatusCode, a.Header.Get("Location"), want)
		}
	}
}

// What is neither file nor directory is not there, and asking for it changes nothing.
func TestDropSpecialFiles(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	fifo := filepath.Join(r.dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	local, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(local)
	if err := unix.Bind(local, &unix.SockaddrUnix{Name: filepath.Join(r.dir, "socket")}); err != nil {
		t.Fatal(err)
	}
	names := []string{"fifo", "socket"}
	if unix.Mknod(filepath.Join(r.dir, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))) == nil { // root only
		names = append(names, "null")
	}
	// A writer waits for a reader. Whoever opens the FIFO lets it go on.
	opened := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
		if err == nil {
			err = f.Close()
		}
		opened <- err
	}()
	c := r.client(t)
	for range 3 {
		for _, name := range names {
			start := time.Now()
			if a := c.fetch(t, "/"+name); a.StatusCode != 404 {
				t.Errorf("%s: status %d, want 404", name, a.StatusCode)
			}
			within(t, name, start, 0, late)
		}
	}
	if page := string(c.fetch(t, "/").body); strings.Contains(page, "fifo") || strings.Contains(page, "socket") || strings.Contains(page, "null") {
		t.Errorf("special files are listed:\n%s", page)
	}
	select {
	case err := <-opened:
		t.Errorf("a GET has opened the FIFO: its writer went on (%v)", err)
	case <-time.After(100 * time.Millisecond):
	}
	f, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// A file that relay may not read is refused, not hidden.
func TestDropUnreadable(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("to take a right away from the program needs root")
	}
	r := startDrop(t, nil, harness.Options{Unprivileged: true})
	if err := os.Chmod(r.file(t, "closed", []byte("x")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(r.dir, "shut"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := r.client(t)
	for path, want := range map[string]int{"/closed": 403, "/shut/": 403, "/shut/x": 403} {
		if a := c.fetch(t, path); a.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, a.StatusCode, want)
		}
	}
	// Files of others are served, in every way: the kernel does not say whether their
	// pages are cached.
	r.file(t, "others", bytesOf(1, 3_000_000))
	c.fetch(t, "/others").want(t, 200, bytesOf(1, 3_000_000))
}

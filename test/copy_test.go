package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
)

func copyOf(from, to string, fields ...string) string {
	return ask("COPY", from, append(fields, "Destination: "+to)...)
}

// do sends a request and hears the answer on a connection of its own.
func (r *dropRig) do(t testing.TB, text string) answer {
	t.Helper()
	c := r.client(t)
	defer c.Close()
	c.say(t, text)
	return c.hear(t, strings.Fields(text)[0])
}

// A copy has bytes, mode and time of its file, also where the file system shares blocks, and
// has arrived like any other file; the connection goes on.
func TestCopy(t *testing.T) {
	t.Parallel()
	for where, make := range map[string]func(testing.TB) string{
		"copied": func(t testing.TB) string { return harness.MountMemory(t, "256m") },
		"shared": func(t testing.TB) string { return harness.MountFile(t, 256*mib, "mkfs.btrfs", "-q") },
	} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			dir := make(t)
			r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["directory"], d["digest"] = dir, "sha-256" }).in(dir)
			c := r.client(t)
			for i, size := range []int{0, 1, 20*mib + 3} { // the last in more than one step
				name, body, at := fmt.Sprint("of ", i), bytesOf(uint64(i), size), time.Unix(1e9, int64(i))
				plantFile(t, filepath.Join(dir, name), body, 0o640, at)
				to := fmt.Sprintf("/d/copy%%20%d", i)
				c.say(t, copyOf(strings.ReplaceAll("/"+name, " ", "%20"), "http://test"+to))
				a := c.hear(t, "COPY")
				a.want(t, 201, []byte{})
				if a.Header.Get("Location") != to || !strings.Contains(a.Header.Get("Repr-Digest"), "sha-256") {
					t.Errorf("%v", a.Header)
				}
				c.fetch(t, to, `If-Match: `+a.Header.Get("Etag")).want(t, 200, body)
				copied := fmt.Sprint("d/copy ", i)
				if got := snapshotFiles(dir)[copied]; got != describe(0o640, at, body) {
					t.Errorf("%s is %s", copied, got)
				}
				wantArrivedOnce(t, r.Relay, copied)
			}
			r.wantHidden(t, 0)
		})
	}
}

// What a COPY must not do is refused, and leaves nothing.
func TestCopyRefusals(t *testing.T) {
	t.Parallel()
	want := map[string][]byte{"a": []byte("a"), "b": []byte("b"), "d/x": nil, "large": bytesOf(1, 2*mib+1), "half": bytesOf(2, mib-100)}
	r := startUploads(t, func(_ *harness.Config, d harness.Table) {
		d["quota"], d["file_size_max"], d["on_conflict"] = "3MiB", "2MiB", "fail"
		for name, body := range want { // before the drop looks how much there is
			plantFile(t, filepath.Join(d["directory"].(string), name), body, 0o644, time.Unix(1, 0))
		}
	})
	for _, c := range []struct {
		text   string
		status int
	}{
		{copyOf("/a", "/b"), 409},
		{copyOf("/a", "/b", "Overwrite: F"), 412},
		{copyOf("/a", "/a"), 403},
		{copyOf("/a", "/d"), 409},
		{copyOf("/a", "/new/"), 409},
		{copyOf("/a", "/b/c"), 409},
		{copyOf("/a", "/../c"), 400},
		{copyOf("/a", "http://other/c"), 400},
		{ask("COPY", "/a"), 400},
		{copyOf("/a", "/.relay-x"), 403},
		{copyOf("/.relay-x", "/c"), 404},
		{copyOf("/none", "/c"), 404},
		{copyOf("/a/none", "/c"), 404},
		{copyOf("/d", "/c"), 403},
		{copyOf("/large", "/c"), 413},
		{copyOf("/half", "/c"), 507},
		{copyOf("/a", "/c", `If-Match: "other"`), 412},
		{copyOf("/a", "/c", "Repr-Digest: sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:"), 400},
		{copyOf("/a", "/c", "Content-Length: 1") + "x", 415},
	} {
		if a := r.do(t, c.text); a.StatusCode != c.status {
			t.Errorf("%.80q: status %d, want %d (%s)", c.text, a.StatusCode, c.status, a.body)
		}
	}
	r.wantHidden(t, 0)
	r.wantTree(t, want)
	r.do(t, copyOf("/a", "/c", "Overwrite: F")).want(t, 201, []byte{})
	want["c"] = want["a"]
	r.wantTree(t, want)
}

// A token must be allowed to read what is copied, and to write where it goes.
func TestCopyTokens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(harness.Directory(t), "tokens")
	tokens := map[string]string{
		"read": newToken(t, file, "reader", "read,list", "/"), "write": newToken(t, file, "writer", "write", "/"),
		"both": newToken(t, file, "both", "read,write", "/d/"),
	}
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["tokens_file"] = file })
	r.file(t, "d/a", []byte("a"))
	r.file(t, "a", []byte("a"))
	for _, c := range []struct {
		token, from, to string
		status          int
	}{
		{"read", "/d/a", "/d/b", 403},
		{"write", "/d/a", "/d/b", 403},
		{"both", "/a", "/d/b", 403},
		{"both", "/d/a", "/b", 403},
		{"both", "/d/a", "/d/b", 201},
	} {
		if a := r.do(t, copyOf(c.from, c.to, bearer(tokens[c.token]))); a.StatusCode != c.status {
			t.Errorf("%+v: status %d (%s)", c, a.StatusCode, a.body)
		}
	}
	if a := r.do(t, copyOf("/d/a", "/d/c")); a.StatusCode != 401 {
		t.Errorf("without a token: status %d", a.StatusCode)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "d/b")); err != nil {
		t.Error(err)
	}
}

// Who leaves while a file is copied leaves nothing half.
func TestCopyForWhoLeaves(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["uploads_max"] = 3 })
	body := bytesOf(1, 40*mib) // several steps
	r.file(t, "a", body)
	for i := range 3 {
		c := r.client(t)
		c.say(t, copyOf("/a", fmt.Sprintf("/b%d", i)))
		if err := c.Reset(); err != nil {
			t.Fatal(err)
		}
	}
	harness.Eventually(t, "others may copy", func() (bool, any) {
		status := r.do(t, copyOf("/a", "/c")).StatusCode
		return status == 201 || status == 204, status
	})
	for name, text := range snapshotFiles(r.dir) {
		if !strings.HasSuffix(text, fmt.Sprintf(" %x", hashOf(body))) {
			t.Errorf("%s is %s", name, text)
		}
	}
}

// A file that takes more than a step is not copied to its end for nobody.
func TestCopyEndsWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	dir := harness.MountMemory(t, "128m") // which shares no blocks
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["directory"] = dir }).in(dir)
	body := bytesOf(1, 20*mib)
	r.file(t, "a", body)
	c := r.client(t)
	r.Signal(t, syscall.SIGSTOP) // request and end are to be seen together
	c.say(t, copyOf("/a", "/b"))
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	r.Signal(t, syscall.SIGCONT)
	if a := c.hear(t, "COPY"); a.StatusCode != 400 {
		t.Errorf("status %d, %s", a.StatusCode, a.body)
	}
	r.wantHidden(t, 0)
	r.wantTree(t, map[string][]byte{"a": body})
}

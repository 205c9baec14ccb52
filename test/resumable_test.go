package test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"relay/test/harness"
)

const interop = "Upload-Draft-Interop-Version: 8"

// begin starts a resumable upload of n bytes without content, and returns its place.
func (r *dropRig) begin(t testing.TB, path string, n int, fields ...string) string {
	t.Helper()
	c := r.client(t)
	defer c.Close()
	fields = append(fields, interop, "Upload-Complete: ?0", "Upload-Length: "+strconv.Itoa(n), "Content-Length: 0")
	c.say(t, ask("POST", path, fields...))
	res := c.interim(t)
	a := c.hear(t, "POST")
	a.want(t, 201, []byte{})
	place := a.Header.Get("Location")
	if !strings.HasPrefix(place, "/.relay-uploads/") || res.Header.Get("Location") != place || res.StatusCode != 104 {
		t.Fatalf("the upload is at %q, and %d said %q", place, res.StatusCode, res.Header.Get("Location"))
	}
	if a.Header.Get("Upload-Complete") != "?0" || a.Header.Get("Upload-Offset") != "0" || a.Header.Get("Upload-Limit") == "" {
		t.Errorf("the upload begins with %v", a.Header)
	}
	return place
}

// interim reads an answer of 1xx.
func (c *client) interim(t testing.TB) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(c.in, nil)
	if err != nil || res.StatusCode/100 != 1 {
		t.Fatal(res, err)
	}
	return res
}

func patch(place string, offset, n int, complete string, fields ...string) string {
	return ask("PATCH", place, append(fields, interop, "Content-Type: application/partial-upload", "Upload-Complete: "+complete,
		fmt.Sprintf("Upload-Offset: %d", offset), fmt.Sprintf("Content-Length: %d", n))...)
}

// append goes on with an upload.
func (r *dropRig) append(t testing.TB, place string, offset int, body []byte, complete string, fields ...string) answer {
	t.Helper()
	c := r.client(t)
	defer c.Close()
	c.say(t, patch(place, offset, len(body), complete, fields...))
	go func() { _, _ = c.Write(body) }()
	return c.hear(t, "PATCH")
}

// offset asks how much of an upload is here.
func (r *dropRig) offset(t testing.TB, place string) (offset int, complete string) {
	t.Helper()
	c := r.client(t)
	defer c.Close()
	c.say(t, ask("HEAD", place, interop))
	a := c.hear(t, "HEAD")
	if a.StatusCode != 204 || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("HEAD: status %d, %v", a.StatusCode, a.Header)
	}
	offset, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
	if err != nil {
		t.Fatal(err)
	}
	return offset, a.Header.Get("Upload-Complete")
}

func TestResumableInParts(t *testing.T) {
	t.Parallel()
	for _, digest := range []string{"", "Want-Repr-Digest: sha-256=1", "Want-Repr-Digest: xxh3-128=1"} {
		r := startUploads(t, nil)
		body := bytesOf(1, 6<<20)
		var fields []string
		if digest != "" {
			fields = append(fields, digest)
		}
		place := r.begin(t, "/d/a", len(body), append(fields, "X-OC-Mtime: 1234567890.5")...)
		at := 0
		for _, n := range []int{1, 0, 100 << 10, 3 << 20} {
			a := r.append(t, place, at, body[at:at+n], "?0")
			at += n
			if a.StatusCode != 204 || a.Header.Get("Upload-Offset") != strconv.Itoa(at) || a.Header.Get("Upload-Complete") != "?0" {
				t.Fatalf("at %d: status %d, %v", at, a.StatusCode, a.Header)
			}
			if got, complete := r.offset(t, place); got != at || complete != "?0" {
				t.Fatalf("at %d: HEAD says %d, %s", at, got, complete)
			}
		}
		r.wantHidden(t, 1)
		a := r.append(t, place, at, body[at:], "?1", "Repr-Digest: sha-256=:"+sha256Of(body)+":")
		if a.StatusCode != 201 || a.Header.Get("Location") != "/d/a" || a.Header.Get("Upload-Complete") != "?1" {
			t.Fatalf("at the end: status %d, %v %s", a.StatusCode, a.Header, a.body)
		}
		r.fetch(t, "/d/a").want(t, 200, body)
		r.wantHidden(t, 0)
		if info, err := os.Stat(filepath.Join(r.dir, "d/a")); err != nil || info.ModTime().UnixNano() != 1234567890_500000000 {
			t.Error(info.ModTime(), err)
		}
		if got, complete := r.offset(t, place); got != len(body) || complete != "?1" {
			t.Errorf("afterwards HEAD says %d, %s", got, complete)
		}
		if a := r.append(t, place, len(body), nil, "?1"); a.StatusCode != 400 || !bytes.Contains(a.body, []byte("completed-upload")) {
			t.Errorf("once more: status %d, %s", a.StatusCode, a.body)
		}
	}
}

// wantHidden checks how many files of uploads there are that nobody sees.
func (r *dropRig) wantHidden(t testing.TB, want int) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%d hidden files", want), func() (bool, any) {
		n := 0
		_ = filepath.WalkDir(r.dir, func(path string, d os.DirEntry, _ error) error {
			if strings.HasPrefix(filepath.Base(path), ".relay-") && !d.IsDir() {
				n++
			}
			return nil
		})
		return n == want, n
	})
}

// A connection that is cut loses nothing of what came; what is told is never taken back.
func TestResumableIsCutOff(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	body := bytesOf(1, 9<<20)
	place := r.begin(t, "/a", len(body), "Want-Repr-Digest: sha-256=1")
	told := 0
	for cut := 0; told < len(body); cut++ {
		c := r.client(t)
		n := min(1<<20+cut*1000, len(body)-told)
		c.say(t, patch(place, told, len(body)-told, "?1", "Repr-Digest: sha-256=:"+sha256Of(body)+":"))
		if _, err := c.Write(body[told : told+n]); err != nil {
			t.Fatal(err)
		}
		if told+n == len(body) {
			c.hear(t, "PATCH").want(t, 201, []byte{})
			break
		}
		if cut%2 == 0 {
			c.Reset()
		} // else it stays, dead, and the next request ends it
		got, _ := r.offset(t, place)
		if got < told || got > told+n {
			t.Fatalf("%d bytes were told, then %d of at most %d", told, got, told+n)
		}
		told = got
	}
	r.wantTree(t, map[string][]byte{"a": body, stateOf(place): nil})
}

// stateOf is the file of an upload's state; wantTree is told to expect it.
func stateOf(place string) string { return place[1:] }

// An upload goes on after the program was killed, and after it published the file but
// could not say so.
func TestResumableAfterKill(t *testing.T) {
	t.Parallel()
	for _, digest := range []string{"sha-256", "xxh3-128"} {
		r := startUploads(t, nil)
		body := bytesOf(1, 5<<20)
		place := r.begin(t, "/d/a", len(body), "Want-Repr-Digest: "+digest+"=1")
		r.append(t, place, 0, body[:2<<20], "?0").want(t, 204, []byte{})
		c := r.client(t)
		c.say(t, patch(place, 2<<20, 3<<20, "?1"))
		if _, err := c.Write(body[2<<20 : 4<<20]); err != nil {
			t.Fatal(err)
		}
		r = r.killed(t)
		told, complete := r.offset(t, place)
		if told < 2<<20 || told > 4<<20 || complete != "?0" {
			t.Fatalf("%d bytes are left, complete %s", told, complete)
		}
		a := r.append(t, place, told, body[told:], "?1", "Repr-Digest: sha-256=:"+sha256Of(body)+":", "Want-Repr-Digest: "+digest+"=1")
		if a.StatusCode != 201 {
			t.Fatalf("status %d, %s", a.StatusCode, a.body)
		}
		// The state that says so is lost; the file itself tells.
		state, err := os.ReadFile(filepath.Join(r.dir, stateOf(place)))
		if err != nil {
			t.Fatal(err)
		}
		i := bytes.Index(state, []byte(`"Done":`))
		if err := os.WriteFile(filepath.Join(r.dir, stateOf(place)), append(state[:i:i], `"Done":null}`...), 0o600); err != nil {
			t.Fatal(err)
		}
		r = r.killed(t)
		if told, complete := r.offset(t, place); told != len(body) || complete != "?1" {
			t.Errorf("after it was published: %d, %s", told, complete)
		}
		r.fetch(t, "/d/a").want(t, 200, body)
	}
}

// killed ends the program at once and starts another on the same directory.
func (r *dropRig) killed(t testing.TB) *dropRig {
	t.Helper()
	r.Signal(t, syscall.SIGKILL)
	r.Exit(t)
	return startUploads(t, func(_ *harness.Config, d harness.Table) {
		d["directory"] = r.dir
	}).in(r.dir)
}

func (r *dropRig) in(dir string) *dropRig {
	r.dir = dir
	return r
}

func TestResumableRefusals(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["file_size_max"] = "2MiB" })
	body := bytesOf(1, 1<<20)
	place := r.begin(t, "/a", len(body))
	for _, c := range []struct {
		name, head string
		status     int
		problem    string
	}{
		{"beyond", patch(place, 1, 0, "?0"), 409, "mismatching-upload-offset"},
		{"too long", patch(place, 0, len(body)+1, "?0"), 400, "inconsistent-upload-length"},
		{"too short", patch(place, 0, 1, "?1"), 400, "inconsistent-upload-length"},
		{"another length", patch(place, 0, 1, "?0", "Upload-Length: 5"), 400, "inconsistent-upload-length"},
		{"no offset", ask("PATCH", place, "Content-Type: application/partial-upload", "Upload-Complete: ?0", "Content-Length: 0"), 400, ""},
		{"no word on the end", ask("PATCH", place, "Content-Type: application/partial-upload", "Upload-Offset: 0", "Content-Length: 0"), 400, ""},
		{"a bad offset", ask("PATCH", place, "Content-Type: application/partial-upload", "Upload-Offset: -1", "Upload-Complete: ?0", "Content-Length: 0"), 400, ""},
		{"another type", ask("PATCH", place, "Upload-Offset: 0", "Upload-Complete: ?0", "Content-Length: 0"), 415, ""},
		{"nobody's", patch("/.relay-uploads/"+strings.Repeat("0", 32), 0, 0, "?0"), 404, ""},
		{"no id", ask("HEAD", "/.relay-uploads/../a"), 400, ""},
		{"a file", ask("HEAD", "/.relay-uploads/x"), 404, ""},
		{"the states", get("/.relay-uploads/"), 404, ""},
		{"too large", ask("POST", "/b", "Upload-Complete: ?0", "Upload-Length: 3000000", "Content-Length: 0"), 413, ""},
		{"lengths that differ", ask("PUT", "/b", "Upload-Complete: ?1", "Upload-Length: 3", "Content-Length: 0"), 400, "inconsistent-upload-length"},
		{"a plain POST", ask("POST", "/b", "Content-Length: 0"), 405, ""},
	} {
		conn := r.client(t)
		conn.say(t, c.head)
		a := conn.hear(t, strings.Fields(c.head)[0])
		if a.StatusCode != c.status || !bytes.Contains(a.body, []byte(c.problem)) {
			t.Errorf("%s: status %d, want %d: %s", c.name, a.StatusCode, c.status, a.body)
		}
		conn.Close()
	}
	if a := r.append(t, place, 0, body, "?1", "Repr-Digest: sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"); a.StatusCode != 400 {
		t.Errorf("a wrong digest: status %d", a.StatusCode)
	}
	r.wantTree(t, nil) // and the upload is gone with it
	place = r.begin(t, "/a", len(body))
	c := r.client(t)
	c.say(t, ask("DELETE", place))
	c.hear(t, "DELETE").want(t, 204, []byte{})
	c.say(t, ask("HEAD", place))
	if a := c.hear(t, "HEAD"); a.StatusCode != 404 {
		t.Errorf("after DELETE: status %d", a.StatusCode)
	}
	r.wantTree(t, nil)
}

// What fits into one request needs no second one, and 104 goes to nobody who does not
// know it.
func TestResumableAtOnce(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	for i, n := range []int{0, 1000, 3 << 20} {
		body, path := bytesOf(uint64(i), n), fmt.Sprintf("/%d", i)
		a := r.send(t, path, body, "Upload-Complete: ?1")
		if a.StatusCode != 201 || a.Header.Get("Upload-Complete") != "?1" || a.Header.Get("Location") != path {
			t.Errorf("%d bytes: status %d, %v", n, a.StatusCode, a.Header)
		}
		r.fetch(t, path).want(t, 200, body)
	}
	c := r.client(t)
	c.say(t, put("/x", 3<<20, "Upload-Complete: ?1", interop, "Expect: 100-continue"))
	if res := c.interim(t); res.StatusCode != 104 {
		t.Errorf("first %d", res.StatusCode)
	}
	if res := c.interim(t); res.StatusCode != 100 {
		t.Errorf("then %d", res.StatusCode)
	}
	if _, err := io.Copy(c, bytes.NewReader(bytesOf(9, 3<<20))); err != nil {
		t.Fatal(err)
	}
	c.hear(t, "PUT").want(t, 201, []byte{})
}

// What is said of the whole file holds however it is said, and whether the request that begins
// the upload says it or the one that completes it.
func TestResumableDigestsOfTheWhole(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	const other = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
	body := bytesOf(5, 5000)
	for _, field := range []string{"Repr-Digest: sha-256=:%s:", "Digest: sha-256=%s"} {
		right, wrong := fmt.Sprintf(field, sha256Of(body)), fmt.Sprintf(field, other)
		for _, c := range []struct {
			begins, completes []string
			status            int
		}{
			{[]string{right}, nil, 201},
			{[]string{wrong}, nil, 400},
			{nil, []string{right}, 201},
			{nil, []string{wrong}, 400},
			{[]string{wrong}, []string{right}, 201}, // it knows better now
		} {
			place := r.begin(t, "/whole", len(body), c.begins...)
			if a := r.append(t, place, 0, body, "?1", c.completes...); a.StatusCode != c.status && (c.status != 201 || a.StatusCode != 204) {
				t.Errorf("%v, then %v: status %d, want %d", c.begins, c.completes, a.StatusCode, c.status)
			}
		}
	}
	c := r.client(t) // a PUT of the whole that is cut off, and gone on with
	c.say(t, ask("PUT", "/cut", interop, "Upload-Complete: ?1", fmt.Sprintf("Content-Length: %d", 2<<20), "Content-Digest: sha-256=:"+other+":"))
	place := c.interim(t).Header.Get("Location")
	c.say(t, string(body))
	c.Close()
	large := append(body, bytesOf(6, 2<<20-len(body))...)
	at, _ := r.offset(t, place)
	if a := r.append(t, place, at, large[at:], "?1"); a.StatusCode != 400 {
		t.Errorf("a digest of the content that was to be the file: status %d, want 400", a.StatusCode)
	}
}

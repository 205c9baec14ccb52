package test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// startUploads runs a relay with the drop "files" that files may be put into.
func startUploads(t testing.TB, edit func(*harness.Config, harness.Table), options ...harness.Options) *dropRig {
	t.Helper()
	return startDrop(t, func(c *harness.Config, d harness.Table) {
		d["write"] = true
		if edit != nil {
			edit(c, d)
		}
	}, options...)
}

// put is the head of an upload of n bytes.
func put(path string, n int, fields ...string) string {
	return ask("PUT", path, append(fields, fmt.Sprintf("Content-Length: %d", n))...)
}

// send uploads a file on a connection of its own.
func (r *dropRig) send(t testing.TB, path string, body []byte, fields ...string) answer {
	t.Helper()
	c := r.client(t)
	defer c.Close()
	return c.send(t, path, body, fields...)
}

// send uploads a file on this connection.
func (c *client) send(t testing.TB, path string, body []byte, fields ...string) answer {
	t.Helper()
	c.say(t, put(path, len(body), fields...))
	go func() { _, _ = c.Write(body) }() // an early answer may leave it unread
	return c.hear(t, "PUT")
}

// wantTree checks all that is in the drop, with the program's own names; nil is any
// content.
func (r *dropRig) wantTree(t testing.TB, want map[string][]byte) {
	t.Helper()
	got := map[string]bool{}
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(r.dir, path)
		got[name] = true
		content, err := os.ReadFile(path)
		if body, ok := want[name]; !ok || body != nil && !bytes.Equal(body, content) {
			t.Errorf("%s is there with %d bytes; it was to be there: %v, with %d", name, len(content), ok, len(body))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if !got[name] {
			t.Errorf("%s is not there", name)
		}
	}
}

func TestUploadSizes(t *testing.T) {
	t.Parallel()
	for _, splice := range spliceModes {
		r := startUploads(t, func(c *harness.Config, _ harness.Table) { c.Engine["splice"] = splice })
		want := map[string][]byte{}
		c := r.client(t)
		for i, n := range []int{0, 1, 4096, 16<<10 - 1, 16 << 10, 16<<10 + 1, 1 << 20, 20<<20 + 3} {
			name := fmt.Sprintf("a/%d/file", i)
			want[name] = bytesOf(uint64(i), n)
			a := c.send(t, "/"+name, want[name])
			a.want(t, 201, []byte{})
			if a.Close || a.Header.Get("Location") != "/"+name {
				t.Errorf("%d bytes: close %v, Location %q", n, a.Close, a.Header.Get("Location"))
			}
			if q := r.logged(t, c, "/"+name); q.Reason != "complete" || q.Received != int64(n) || q.Method != "PUT" {
				t.Errorf("%d bytes: %+v", n, q)
			}
			got := c.fetch(t, "/"+name)
			got.want(t, 200, want[name])
			if got.Header.Get("ETag") != a.Header.Get("ETag") || a.Header.Get("ETag") == "" {
				t.Errorf("%d bytes: the tag was %q when it arrived, and is %q", n, a.Header.Get("ETag"), got.Header.Get("ETag"))
			}
		}
		r.wantTree(t, want)
	}
}

// Many small files go over one connection, one request behind the other.
func TestUploadsArePipelined(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["durability"] = "none" })
	c := r.client(t)
	want := map[string][]byte{}
	var all strings.Builder
	const many = 500
	for i := range many {
		name, body := fmt.Sprintf("d/%d", i), bytesOf(uint64(i), i*40)
		want[name] = body
		all.WriteString(put("/"+name, len(body)))
		all.Write(body)
	}
	go func() { _, _ = c.Write([]byte(all.String())) }()
	for i := range many {
		if a := c.hear(t, "PUT"); a.StatusCode != 201 || a.Header.Get("Location") != fmt.Sprintf("/d/%d", i) {
			t.Fatalf("%d: %d %v", i, a.StatusCode, a.Header)
		}
	}
	r.wantTree(t, want)
}

// What follows a small file on its connection is taken up at once, whatever it is.
func TestUploadIsFollowed(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["durability"] = "none" })
	first := put("/a", 3) + "abc"
	for name, c := range map[string]struct {
		now, later string
		end        bool
		status     int // of the second answer; 0 = the connection ends
	}{
		"a request for it":      {now: get("/a"), status: 200},
		"an upload":             {now: put("/b", 1) + "b", status: 201},
		"one without its body":  {now: put("/c", 1), later: "c", status: 201},
		"half a head":           {now: "GET /a HT", later: get("/a")[9:], status: 200},
		"half a head, no more":  {now: "GET /a HT", end: true, status: 400},
		"an empty line":         {now: "\r\n", later: get("/a"), status: 200},
		"no request":            {now: "\x16\x03\x01 hello\r\n", status: 400},
		"something not allowed": {now: put("/.relay-x", 1) + "x", status: 403},
		"the end":               {end: true},
	} {
		client := r.client(t)
		client.say(t, first+c.now)
		if c.end {
			client.CloseWrite()
		}
		if a := client.hear(t, "PUT"); a.StatusCode != 201 && a.StatusCode != 204 {
			t.Fatalf("%s: status %d", name, a.StatusCode)
		}
		if c.later != "" {
			client.say(t, c.later)
		}
		if c.status == 0 {
			client.wantEnd(t, false)
			continue
		}
		method, _, _ := strings.Cut(c.now, " ")
		if a := client.hear(t, method); a.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", name, a.StatusCode, c.status)
		}
		client.Close()
	}
}

// A client that waits for a word gets it, or the refusal, before it sends anything.
func TestUploadExpects100(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["file_size_max"] = "1KiB" })
	c := r.client(t)
	c.say(t, put("/a", 1000, "Expect: 100-continue"))
	line := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := readFull(c.Conn, line); err != nil || string(line) != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	c.say(t, strings.Repeat("x", 1000))
	c.hear(t, "PUT").want(t, 201, []byte{})
	for head, status := range map[string]int{
		put("/a", 1025, "Expect: 100-continue"):                       413,
		put("/a", 10, "Expect: 100-continue", "If-None-Match: *"):     412,
		put("/a", 10, "Expect: 100-continue", `If-Match: "other"`):    412,
		put("/a/b", 10, "Expect: 100-continue"):                       409,
		put("/.relay-a", 10, "Expect: 100-continue"):                  403,
		put("/a/.relay-b/c", 10, "Expect: 100-continue"):              403,
		put("/../a", 10, "Expect: 100-continue"):                      400,
		put("/a%00b", 10, "Expect: 100-continue"):                     400,
		put("/"+strings.Repeat("x", 256), 10, "Expect: 100-continue"): 400,
		put("/d/", 10, "Expect: 100-continue"):                        409,
		put("/a", 10, "Expect: 200-ok"):                               417,
		put("/a", 10, "Content-Range: bytes 0-9/20"):                  501,
		put("/a", 10, "Content-Encoding: gzip"):                       415,
		ask("PUT", "/a"):                                              411,
		ask("POST", "/a"):                                             405,
	} {
		c := r.client(t)
		c.say(t, head)
		if a := c.hear(t, "PUT"); a.StatusCode != status {
			t.Errorf("%.80q: status %d, want %d (%s)", head, a.StatusCode, status, a.body)
		}
	}
	r.wantTree(t, map[string][]byte{"a": []byte(strings.Repeat("x", 1000))})
}

// The answer to a body that is not wanted is read by a client that sends it all the same.
func TestUploadRefusedEarly(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["file_size_max"] = "1MiB" })
	for range 10 {
		c := r.client(t)
		a := c.send(t, "/large", bytesOf(1, 20<<20))
		if a.StatusCode != 413 || !a.Close || !strings.Contains(string(a.body), "1048576") {
			t.Fatalf("status %d, close %v, %q", a.StatusCode, a.Close, a.body)
		}
		c.Close()
	}
	r.wantTree(t, nil)
}

// A drop is read-only unless it is said otherwise.
func TestUploadIsOffByDefault(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	a := r.send(t, "/a", []byte("x"))
	if a.StatusCode != 405 || a.Header.Get("Allow") != "GET, HEAD, OPTIONS, PROPFIND" {
		t.Errorf("status %d, Allow %q", a.StatusCode, a.Header.Get("Allow"))
	}
	r.wantTree(t, nil)
}

func TestUploadConflicts(t *testing.T) {
	t.Parallel()
	old, fresh := []byte("old"), []byte("fresh")
	for mode, want := range map[string]struct {
		status   int
		location string
		tree     map[string][]byte
	}{
		"replace":   {204, "", map[string][]byte{"a.txt": fresh}},
		"fail":      {409, "", map[string][]byte{"a.txt": old}},
		"keep_both": {201, "/a%20%281%29.txt", map[string][]byte{"a.txt": old, "a (1).txt": fresh}},
	} {
		r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["on_conflict"] = mode })
		first := r.send(t, "/a.txt", old, "If-None-Match: *")
		first.want(t, 201, []byte{})
		a := r.send(t, "/a.txt", fresh)
		if a.StatusCode != want.status || a.Header.Get("Location") != want.location {
			t.Errorf("%s: status %d, Location %q", mode, a.StatusCode, a.Header.Get("Location"))
		}
		r.wantTree(t, want.tree)
		if a := r.send(t, "/a.txt", fresh, "If-None-Match: *"); a.StatusCode != 412 {
			t.Errorf("%s: If-None-Match: status %d", mode, a.StatusCode)
		}
		tag := r.fetch(t, "/a.txt").Header.Get("ETag")
		if a := r.send(t, "/a.txt", []byte("third"), "If-Match: "+tag); a.StatusCode != 204 {
			t.Errorf("%s: If-Match: status %d", mode, a.StatusCode)
		}
		if a := r.send(t, "/a.txt", fresh, "If-Match: "+tag); a.StatusCode != 412 {
			t.Errorf("%s: If-Match of what was: status %d", mode, a.StatusCode)
		}
		want.tree["a.txt"] = []byte("third")
		r.wantTree(t, want.tree)
	}
}

// A client that goes away leaves nothing, wherever it was.
func TestUploadIsCutOff(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	body := bytesOf(1, 5<<20)
	for _, sent := range []int{0, 1, 100 << 10, len(body) - 1} {
		for _, reset := range []bool{false, true} {
			c := r.client(t)
			c.say(t, put("/a", len(body)))
			if _, err := c.Write(body[:sent]); err != nil {
				t.Fatal(err)
			}
			reason := "client_closed"
			if reset {
				c.Reset()
				reason = "client_reset"
			} else {
				c.CloseWrite()
			}
			if q := r.logged(t, c, "/a"); q.Reason != reason && (!reset || q.Reason != "client_closed") {
				t.Errorf("%d bytes, then reset %v: %+v", sent, reset, q)
			}
		}
	}
	r.wantTree(t, nil)
}

// A body that comes too slowly is given up; one that is slow, but not too slow, is not.
func TestUploadSlow(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) {
		d["body_rate_min"], d["body_timeout"] = 100, "1s"
	})
	slow, steady := r.client(t), r.client(t)
	slow.say(t, put("/slow", 1000))
	steady.say(t, put("/steady", 1000))
	stop := make(chan struct{})
	defer close(stop)
	go drip(&peer.Conn{Conn: noWriteError{slow.Conn}}, 50*time.Millisecond, stop)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range 10 {
			_, _ = steady.Write(make([]byte, 100))
			time.Sleep(300 * time.Millisecond) // slow is what is tested
		}
	}()
	if a := slow.hear(t, "PUT"); a.StatusCode != 408 || !a.Close {
		t.Errorf("status %d, close %v", a.StatusCode, a.Close)
	}
	r.wantReason(t, slow, "/slow", "body_timeout")
	steady.hear(t, "PUT").want(t, 201, []byte{})
	<-sent
	r.wantTree(t, map[string][]byte{"steady": make([]byte, 1000)})
}

// More files than may arrive at a time are told to try again.
func TestUploadsMax(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["uploads_max"] = 2 })
	var arriving []*client
	for range 2 {
		c := r.client(t)
		c.say(t, put("/a", 10, "Expect: 100-continue"))
		if res, err := http.ReadResponse(c.in, nil); err != nil || res.StatusCode != 100 {
			t.Fatal(res, err)
		}
		arriving = append(arriving, c)
	}
	a := r.send(t, "/b", []byte("b"))
	if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, %v", a.StatusCode, a.Header)
	}
	arriving[0].say(t, "0123456789")
	arriving[0].hear(t, "PUT").want(t, 201, []byte{})
	r.send(t, "/b", []byte("b")).want(t, 201, []byte{})
	arriving[1].say(t, "9876543210")
	arriving[1].hear(t, "PUT").want(t, 204, []byte{})
	r.wantTree(t, map[string][]byte{"a": []byte("9876543210"), "b": []byte("b")})
}

// A reload does not forget the files that are arriving, in whatever directory.
func TestUploadsMaxHoldsAcrossReloads(t *testing.T) {
	t.Parallel()
	var c *harness.Config
	var d harness.Table
	r := startUploads(t, func(all *harness.Config, drop harness.Table) {
		c, d = all, drop
		d["uploads_max"] = 2
	})
	hold := func() *client {
		c := r.client(t)
		c.say(t, put("/a", 10, "Expect: 100-continue"))
		if res, err := http.ReadResponse(c.in, nil); err != nil || res.StatusCode != 100 {
			t.Fatal(res, err)
		}
		return c
	}
	arriving := []*client{hold(), nil}
	for range 3 {
		r.Reload(t, c.String())
	}
	d["directory"] = harness.Directory(t)
	r.Reload(t, c.String())
	arriving[1] = hold()
	r.Reload(t, c.String())
	if a := r.send(t, "/b", []byte("b")); a.StatusCode != 503 {
		t.Errorf("status %d, %v", a.StatusCode, a.Header)
	}
	for _, c := range arriving {
		c.say(t, "0123456789")
		c.hear(t, "PUT").want(t, 201, []byte{})
	}
	hold() // each was counted out once
	hold()
	if a := r.send(t, "/b", []byte("b")); a.StatusCode != 503 {
		t.Errorf("afterwards: status %d, %v", a.StatusCode, a.Header)
	}
}

// The head of a pipelined request that stands, half, at the end of a full receive buffer
// is taken out of it: what it pins there would keep the window closed, and the rest of
// it away.
func TestUploadsPipelinedIntoASmallBuffer(t *testing.T) {
	t.Parallel()
	for _, buffer := range []string{"4KiB", "64KiB", "100KiB"} {
		r := startUploads(t, func(_ *harness.Config, d harness.Table) {
			d["durability"], d["receive_buffer"] = "none", buffer
		})
		c := r.client(t)
		const many = 300
		go func() {
			var all []byte
			for i := range many {
				body := bytesOf(uint64(i), 1000+i*97%20_000)
				all = append(append(all, put(fmt.Sprintf("/%d", i), len(body))...), body...)
			}
			_, _ = c.Write(all)
		}()
		for i := range many {
			if a := c.hear(t, "PUT"); a.StatusCode != 201 {
				t.Fatalf("%s: %d: status %d %s", buffer, i, a.StatusCode, a.body)
			}
		}
		c.Close()
	}
}

// Who forgets the '/' at the end of a directory's name is told of it.
func TestPutAtADirectory(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	r.send(t, "/d/a", []byte("a")).want(t, 201, []byte{})
	if a := r.send(t, "/d", []byte("a")); a.StatusCode != 409 || !strings.Contains(string(a.body), "end the URL with '/'") {
		t.Errorf("status %d: %s", a.StatusCode, a.body)
	}
}

// A client that goes before it can be told to go on leaves nothing behind, also no place among
// those that may upload.
func TestGoneBeforeContinue(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["uploads_max"] = 4 })
	for i := range 300 {
		c := r.client(t)
		if i%2 == 0 {
			c.say(t, put("/a", 10, "Expect: 100-continue"))
		} else {
			c.say(t, ask("POST", "/", bundleType, "Content-Length: 10", "Expect: 100-continue"))
		}
		time.Sleep(time.Duration(i%20) * 20 * time.Microsecond) // to be gone at every moment
		c.Reset()
	}
	harness.Eventually(t, "uploads to be taken again", func() (bool, any) {
		a := r.send(t, "/b", []byte("b"))
		return a.StatusCode/100 == 2, a.StatusCode
	})
}

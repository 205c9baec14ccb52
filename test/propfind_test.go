package test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
)

// propfind is the head of a question with a body of n bytes; 0 = without a body.
func propfind(path string, n int, fields ...string) string {
	if n > 0 {
		fields = append(fields, fmt.Sprintf("Content-Length: %d", n))
	}
	return ask("PROPFIND", path, fields...)
}

const everyName = `<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>`

// listed are the names that a multistatus has, unescaped, its own first.
func (a answer) listed(t testing.TB) []string {
	t.Helper()
	if a.StatusCode != 207 {
		t.Fatalf("status %d (%.200q)", a.StatusCode, a.body)
	}
	var m struct {
		Href []string `xml:"response>href"`
	}
	if err := xml.Unmarshal(a.body, &m); err != nil {
		t.Fatal(err)
	}
	for i, href := range m.Href {
		name, err := url.PathUnescape(href)
		if err != nil {
			t.Fatal(err)
		}
		m.Href[i] = name
	}
	slices.Sort(m.Href[min(1, len(m.Href)):])
	return m.Href
}

// A directory is listed with every name in it, and a connection goes on after each way to
// ask. Reading needs no right to write.
func TestPropfind(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	want := []string{"/d/", "/d/a b", "/d/q?#", "/d/sub/", "/d/ü&<>\"", "/d/\xff%20"}
	for _, name := range want[1:] {
		if strings.HasSuffix(name, "/") {
			name += "below"
		}
		r.file(t, name[1:], []byte("12345"))
	}
	r.file(t, "d/.relay-hidden", nil)
	c := r.client(t)
	for _, q := range []string{
		propfind("/d/", 0, "Depth: 1"),
		propfind("/d", 0, "Depth: 1"),
		propfind("/d/", len(everyName), "Depth: 1") + everyName,
		propfind("/d/", 0, "Depth: 1", "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(everyName), everyName),
	} {
		c.say(t, q)
		if got := c.hear(t, "PROPFIND").listed(t); !slices.Equal(got, want) {
			t.Errorf("%.60q: %q, want %q", q, got, want)
		}
	}
	c.say(t, propfind("/d/", len(everyName), "Depth: 1", "Expect: 100-continue"))
	if res := c.interim(t); res.StatusCode != 100 {
		t.Errorf("status %d before the body", res.StatusCode)
	}
	c.say(t, everyName)
	if got := c.hear(t, "PROPFIND").listed(t); !slices.Equal(got, want) {
		t.Errorf("after 100: %q", got)
	}
	for path, want := range map[string]string{"/d": "/d/", "/d/": "/d/", "/d/a%20b": "/d/a b", "/": "/"} {
		c.say(t, propfind(path, 0, "Depth: 0"))
		if got := c.hear(t, "PROPFIND").listed(t); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	// What HEAD says of a file, PROPFIND says too, also of one from the future.
	for _, at := range []time.Time{time.Unix(1e9, 7), time.Now().Add(time.Hour)} {
		if err := os.Chtimes(filepath.Join(r.dir, "d/a b"), at, at); err != nil {
			t.Fatal(err)
		}
		c.say(t, ask("HEAD", "/d/a%20b")+propfind("/d/a%20b", 0, "Depth: 0"))
		h, body := c.hear(t, "HEAD").Header, string(c.hear(t, "PROPFIND").body)
		for _, want := range []string{h.Get("ETag"), h.Get("Content-Length"), h.Get("Content-Type")} {
			if want == "" || !strings.Contains(body, ">"+want+"<") {
				t.Errorf("HEAD says %q, and PROPFIND %s", want, body)
			}
		}
		told, err := time.Parse(http.TimeFormat, h.Get("Last-Modified"))
		second := told.Add(time.Second).Format(http.TimeFormat) // of the future, now: it may have struck in between
		if err != nil || !strings.Contains(body, ">"+told.Format(http.TimeFormat)+"<") && (at.Unix() == 1e9 || !strings.Contains(body, ">"+second+"<")) {
			t.Errorf("HEAD says %v, and PROPFIND %s", told, body)
		}
	}
	c.say(t, ask("OPTIONS", "/d/")+ask("OPTIONS", "*"))
	for range 2 {
		if a := c.hear(t, "OPTIONS"); a.StatusCode != 200 || a.Header.Get("DAV") != "1" || a.Header.Get("Allow") != "GET, HEAD, OPTIONS, PROPFIND" {
			t.Errorf("OPTIONS: %d %v", a.StatusCode, a.Header)
		}
	}
}

func TestPropfindRefusals(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	r.file(t, "a", []byte("a"))
	for _, c := range []struct {
		text   string
		status int
		says   string
	}{
		{propfind("/", 0), 403, "<D:propfind-finite-depth/>"},
		{propfind("/", 0, "Depth: infinity"), 403, "<D:propfind-finite-depth/>"},
		{propfind("/", 0, "Depth: 2"), 400, "Depth is 0 or 1"},
		{propfind("/", 0, "Depth: 1", "Depth: 1"), 400, ""},
		{propfind("/none", 0, "Depth: 0"), 404, ""},
		{propfind("/a/", 0, "Depth: 0"), 404, ""},
		{propfind("/.relay-x", 0, "Depth: 0"), 404, ""},
		{propfind("/../a", 0, "Depth: 0"), 400, ""},
		{propfind("/", 17<<10, "Depth: 0"), 413, "16384"},
		{propfind("/", 0, "Depth: 0", "Transfer-Encoding: chunked") + "5000\r\n" + strings.Repeat(" ", 0x5000) + "\r\n0\r\n\r\n", 413, "16384"},
		{propfind("/", 4, "Depth: 0") + "<no>", 400, "PROPFIND"},
		{propfind("/", 4, "Depth: 0", "Content-Encoding: gzip") + "<no>", 415, ""},
		{propfind("/", 4, "Depth: 0", "Expect: more") + "<no>", 417, ""},
		{ask("PROPPATCH", "/a", "Content-Length: 0"), 405, ""},
		{ask("LOCK", "/a", "Content-Length: 0"), 405, ""},
		{ask("COPY", "/a", "Destination: /b"), 405, ""},
	} {
		conn := r.client(t)
		go func() { _, _ = conn.Write([]byte(c.text)) }() // an early answer may leave some unread
		if a := conn.hear(t, "PROPFIND"); a.StatusCode != c.status || !strings.Contains(string(a.body), c.says) {
			t.Errorf("%.80q: status %d, want %d (%.200q)", c.text, a.StatusCode, c.status, a.body)
		}
		conn.Close()
	}
}

// What a token may see: of one name as much as it may read or list, of a directory's names
// only what it may list.
func TestPropfindTokens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(harness.Directory(t), "tokens")
	reader := newToken(t, file, "reader", "read", "/d/")
	lister := newToken(t, file, "lister", "list", "/d/")
	writer := newToken(t, file, "writer", "write", "/d/")
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["tokens_file"] = file })
	r.file(t, "d/a", []byte("a"))
	for _, c := range []struct {
		token, path, depth string
		status             int
	}{
		{"", "/d/a", "0", 401},
		{"", "/d/", "1", 401},
		{"wrong", "/d/", "0", 401},
		{reader, "/d/a", "0", 207},
		{reader, "/d/", "0", 207},
		{reader, "/d/", "1", 403},
		{reader, "/", "0", 403},
		{lister, "/d/", "1", 207},
		{lister, "/d/a", "0", 207},
		{lister, "/", "1", 403},
		{writer, "/d/a", "0", 403},
		{writer, "/d/", "1", 403},
		{writer, "/d/none", "0", 403},
	} {
		conn := r.client(t)
		fields := []string{"Depth: " + c.depth}
		if c.token != "" {
			fields = append(fields, bearer(c.token))
		}
		conn.say(t, propfind(c.path, 0, fields...))
		if a := conn.hear(t, "PROPFIND"); a.StatusCode != c.status {
			t.Errorf("%+v: status %d", c, a.StatusCode)
		}
		conn.Close()
	}
}

// hesitate asks, and sends the first bytes of the question only.
func (r *dropRig) hesitate(t testing.TB) *client {
	t.Helper()
	c := r.client(t)
	c.say(t, propfind("/", len(everyName), "Depth: 1", "Expect: 100-continue"))
	if res := c.interim(t); res.StatusCode != 100 {
		t.Errorf("status %d before the body", res.StatusCode)
	}
	c.say(t, everyName[:9])
	return c
}

// A body that is on its way takes a place among those that arrive.
func TestPropfindUploadsMax(t *testing.T) {
	t.Parallel()
	r := startDrop(t, func(_ *harness.Config, d harness.Table) { d["body_timeout"], d["uploads_max"] = "1m", 2 })
	first, second, third := r.hesitate(t), r.hesitate(t), r.client(t)
	third.say(t, propfind("/", len(everyName), "Depth: 1")+everyName)
	if a := third.hear(t, "PROPFIND"); a.StatusCode != 503 {
		t.Errorf("beyond uploads_max: status %d", a.StatusCode)
	}
	for _, c := range []*client{first, second} {
		c.say(t, everyName[9:])
		if a := c.hear(t, "PROPFIND"); a.StatusCode != 207 {
			t.Errorf("status %d", a.StatusCode)
		}
	}
}

// One that stops is ended as that of a file is.
func TestPropfindSlow(t *testing.T) {
	t.Parallel()
	r := startDrop(t, func(_ *harness.Config, d harness.Table) {
		d["body_timeout"], d["body_rate_min"], d["idle_timeout"] = "600ms", "64KiB", "5s"
	})
	slow := r.hesitate(t)
	if a := slow.hear(t, "PROPFIND"); a.StatusCode != 408 {
		t.Errorf("status %d, want 408", a.StatusCode)
	}
	r.wantReason(t, slow, "/", "body_timeout")
	slow.Close()
	gone := r.client(t)
	gone.say(t, propfind("/", len(everyName), "Depth: 1")+everyName[:9])
	gone.Close()
	r.wantReason(t, gone, "/", "client_closed")
	r.Quiet(t)
}

// A directory with very many names is listed whole, and costs no memory of the program's
// own: the answer waits in the kernel's.
func TestPropfindManyNames(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred thousand files take their time")
	}
	t.Parallel()
	const many, linksMost = 100_000, 50_000
	r := startDrop(t, nil)
	var inode string
	for i := range many {
		name := "n/" + fmt.Sprint(i)
		if i%linksMost == 0 {
			inode = r.file(t, name, nil)
		} else if err := os.Link(inode, filepath.Join(r.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	before := r.AnonBytes(t)
	c := r.client(t)
	c.say(t, propfind("/n/", 0, "Depth: 1"))
	if got := bytes.Count(c.hear(t, "PROPFIND").body, []byte("<D:response>")); got != many+1 {
		t.Fatalf("%d names", got)
	}
	if more := r.AnonBytes(t) - before; more > 16*mib && !harness.Race {
		t.Errorf("%d bytes of memory more than before", more)
	}
}

package drop

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

func TestQuestion(t *testing.T) {
	const begin, end = `<?xml version="1.0"?><propfind xmlns="DAV:">`, `</propfind>`
	many := func(n int) string { return "<prop>" + strings.Repeat("<x/>", n) + "</prop>" }
	for _, c := range []struct{ body, want string }{
		{"", "all"},
		{" \r\n", "all"},
		{begin + "<allprop/>" + end, "all"},
		{begin + "<allprop/><include><x/></include>" + end, "all"},
		{begin + "<propname/>" + end, "names"},
		{`<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><D:resourcetype/><D:getetag/></D:prop></D:propfind>`, "getetag resourcetype"},
		{begin + "<unknown><prop/></unknown><prop><getetag/></prop>" + end, "getetag"},
		{begin + `<prop><getetag xmlns="urn:x"/><displayname/></prop>` + end, `+<getetag xmlns="urn:x"/><D:displayname/>`},
		{begin + `<prop><a:b xmlns:a="&lt;&quot;"/></prop>` + end, `+<b xmlns="&lt;&#34;"/>`},
		{begin + "<prop/>" + end, ""},
		{begin + "<!-- c --><prop><!-- c --><getetag>text<x/></getetag></prop>" + end + "<!-- c -->", "getetag"},
		{begin + many(namesMost) + end, "+" + strings.Repeat("<D:x/>", namesMost)},
		{begin + many(namesMost+1) + end, "error"},
		{begin + `<prop xmlns:a="` + strings.Repeat("'", 100) + `">` + strings.Repeat("<a:x/>", 10) + "</prop>" + end, "error"}, // 10 times 500 bytes
		{begin + "<prop><:/></prop>" + end, "error"},
		{begin + end, "error"},
		{begin + "<prop/><prop/>" + end, "error"},
		{begin + "<allprop/><propname/>" + end, "error"},
		{begin + "<prop>", "error"},
		{begin + "<prop></x></prop>" + end, "error"},
		{begin + "<prop><getetag/></prop>" + end + "<more/>", "error"},
		{"<propfind/>", "error"},
		{`<prop xmlns="DAV:"/>`, "error"},
		{"text", "error"},
		{"\x00", "error"},
		{`<!DOCTYPE x [<!ENTITY a "b">]>` + begin + "<prop>&a;</prop>" + end, "error"},
		{`<?xml version="1.0" encoding="utf-16"?>` + begin + "<allprop/>" + end, "error"},
	} {
		q, err := readQuestion([]byte(c.body))
		if got := q.text(err); got != c.want {
			t.Errorf("%.120q: %q, want %q", c.body, got, c.want)
		}
	}
}

func (q *question) text(err error) string {
	switch {
	case err != nil:
		return "error"
	case q.namely:
		return "names"
	case q.all:
		return "all"
	}
	var names []string
	for _, p := range q.of {
		names = append(names, p.name)
	}
	text := strings.Join(names, " ")
	if q.strange != "" {
		text += "+" + q.strange
	}
	return text
}

// multistatusOf is what a test understands of an answer.
type multistatusOf struct {
	XMLName  xml.Name `xml:"DAV: multistatus"`
	Response []struct {
		Href     string `xml:"DAV: href"`
		Propstat []struct {
			Prop struct {
				All []struct {
					XMLName xml.Name
					Text    string `xml:",innerxml"`
				} `xml:",any"`
			} `xml:"DAV: prop"`
			Status string `xml:"DAV: status"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
}

// says has every property on a line: name=text, and a '-' before those that are missing.
func (m *multistatusOf) says() string {
	var b strings.Builder
	for _, r := range m.Response {
		fmt.Fprintln(&b, r.Href)
		for _, s := range r.Propstat {
			for _, p := range s.Prop.All {
				if s.Status == "HTTP/1.1 404 Not Found" {
					b.WriteString("-")
				} else if s.Status != "HTTP/1.1 200 OK" {
					b.WriteString(s.Status)
				}
				fmt.Fprintln(&b, p.XMLName.Local+"="+p.Text)
			}
		}
	}
	return b.String()
}

// leave puts a file there as somebody else does.
func leave(t testing.TB, d *Drop, path, content string, at time.Time) {
	t.Helper()
	path = filepath.Join(d.directory, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// answerOf is the multistatus for a question.
func answerOf(t testing.TB, d *Drop, s *survey) *multistatusOf {
	t.Helper()
	fd, size, errno := d.findOut(s)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer unix.Close(fd)
	b := make([]byte, size)
	if n, err := unix.Pread(fd, b, 0); err != nil || int64(n) != size {
		t.Fatal(n, err)
	}
	d.listed.Add(-size)
	m := &multistatusOf{}
	if err := xml.Unmarshal(b, m); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return m
}

func TestMultistatus(t *testing.T) {
	d := newTestDrop(t)
	at := time.Unix(1e9, 5)
	leave(t, d, "d/\xffo%2F <&>\x01", "four", at)
	ask := func(body string) question {
		q, err := readQuestion([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	const file = "/d/%FFo%252F%20%3C%26%3E%01\n"
	tag := newVersion(4, at.Unix(), 5).tag
	some := ask(`<propfind xmlns="DAV:"><prop><getcontentlength/><getetag/><x xmlns="y"/></prop></propfind>`)
	for _, c := range []struct {
		name string
		s    survey
		want string
	}{
		{
			"file",
			survey{name: name{path: "d/\xffo%2F <&>\x01"}, question: everything},
			file + "resourcetype=\ngetcontentlength=4\ngetlastmodified=Sun, 09 Sep 2001 01:46:40 GMT\ngetetag=" + tag +
				"\ngetcontenttype=application/octet-stream\nsupportedlock=\n",
		},
		{
			"from the future",
			survey{name: name{path: "d/\xffo%2F <&>\x01"}, now: 1, question: ask(`<propfind xmlns="DAV:"><prop><getlastmodified/></prop></propfind>`)},
			file + "getlastmodified=Thu, 01 Jan 1970 00:00:01 GMT\n",
		},
		{
			"names",
			survey{name: name{path: "d"}, question: ask(`<propfind xmlns="DAV:"><propname/></propfind>`)},
			"/d/\nresourcetype=\ngetlastmodified=\nsupportedlock=\n",
		},
		{
			"some",
			survey{name: name{path: "d"}, names: true, question: some},
			"/d/\n-x=\n-getcontentlength=\n-getetag=\n" + file + "getcontentlength=4\ngetetag=" + tag + "\n-x=\n",
		},
		{
			"minimal",
			survey{name: name{path: "d"}, names: true, minimal: true, question: some},
			"/d/\n" + file + "getcontentlength=4\ngetetag=" + tag + "\n",
		},
		{
			"above",
			survey{name: name{path: "."}, names: true, question: ask(`<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>`)},
			"/\nresourcetype=<D:collection/>\n/d/\nresourcetype=<D:collection/>\n",
		},
	} {
		if c.s.now == 0 {
			c.s.now = 2e9
		}
		if got := answerOf(t, d, &c.s).says(); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	if left := d.listed.Load(); left != 0 {
		t.Errorf("%d bytes are still counted", left)
	}
}

// A listing that would not fit the allowance is refused, and gives back what it took.
func TestMultistatusTooLarge(t *testing.T) {
	d := newTestDrop(t)
	leave(t, d, "a", "", time.Now())
	s := &survey{name: name{path: "."}, names: true, question: everything}
	d.listed.Add(listedMost)
	if _, _, errno := d.findOut(s); errno != unix.ENOBUFS {
		t.Errorf("with no allowance left: %v", errno)
	}
	d.listed.Add(-listedMost)
	if _, _, errno := d.inMemory(func(w *pageWriter) sock.Errno {
		w.written = listedMost // as if
		d.listed.Add(listedMost)
		w.text("x")
		return 0
	}); errno != unix.EFBIG {
		t.Errorf("larger than the allowance: %v", errno)
	}
	if left := d.listed.Load(); left != 0 {
		t.Errorf("%d bytes are still counted", left)
	}
}

// Whatever is asked, the answer is whole XML, and as long as namesMost names allow.
func FuzzQuestion(f *testing.F) {
	f.Add([]byte(`<propfind xmlns="DAV:"><prop><getetag/><a:x xmlns:a="&amp;"/></prop></propfind>`))
	f.Add([]byte(`<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`))
	f.Add([]byte(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := readQuestion(body)
		if err != nil {
			return
		}
		w := &pageWriter{}
		w.multistatus()
		w.tell(&survey{question: q}, "/a", &entry{name: "a"})
		w.multistatusEnd()
		if w.errno != 0 || len(w.buf) > 4096+8*len(body) {
			t.Fatalf("%d bytes of %d, %v", len(w.buf), len(body), w.errno)
		}
		for d := xml.NewDecoder(strings.NewReader(string(w.buf))); ; {
			if _, err := d.Token(); err == io.EOF {
				return
			} else if err != nil {
				t.Fatalf("%v in %q", err, w.buf)
			}
		}
	})
}

package drop

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// What every accepted head is tested with, in pieces and with more after it.
func TestHeadsThatAreAccepted(t *testing.T) {
	for _, c := range []struct {
		name, head string
		body       bool
	}{
		{"usual", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", false},
		{"1.0 without a host", "GET / HTTP/1.0\r\n\r\n", false},
		{"1.0 with a host", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", false},
		{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", false},
		{"IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", false},
		{"no space after the colon", "GET / HTTP/1.1\r\nHost:a\r\n\r\n", false},
		{"empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", false},
		{"length", "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n", true},
		{"no length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", false},
		{"no length, long", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 000\r\n\r\n", false},
		{"chunked", "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", true},
		{"absolute", "GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", false},
		{"raw bytes in the target", "GET /\xe4\xff HTTP/1.1\r\nHost: a\r\n\r\n", false},
		{"raw bytes in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \xe4\t\xff\r\n\r\n", false},
		{"empty value", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", false},
		{"long", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 15<<10) + "\r\n\r\n", false},
		{"long target", "GET /" + strings.Repeat("x", 8000) + " HTTP/1.1\r\nHost: a\r\n\r\n", false},
		{"any method", "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for cut := range len(c.head) {
				if h, status := findHead([]byte(c.head[:cut])); h.size != 0 || status != 0 {
					t.Fatalf("the first %d bytes: size %d, status %d", cut, h.size, status)
				}
			}
			for _, after := range []string{"", "x", "GET / HTTP/1.1\r\n"} {
				h, status := findHead([]byte(c.head + after))
				if status != 0 || h.size != len(c.head) || h.body() != c.body {
					t.Fatalf("with %q after it: %+v, status %d", after, h, status)
				}
			}
			h, _ := findHead([]byte(c.head))
			if _, err := newTestConns().parse([]byte(c.head)[h.skip:h.size]); err != nil {
				t.Errorf("the standard library does not take it: %v", err)
			}
		})
	}
}

func TestHeadsThatAreRefused(t *testing.T) {
	const rest = "\r\nHost: a\r\n\r\n"
	for _, c := range []struct {
		name, head string
		status     int
	}{
		{"bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400},
		{"bare LF in the fields", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
		{"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
		{"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
		{"bare CR in the first line", "GET /\r HTTP/1.1" + rest, 400},
		{"folded", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
		{"folded with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n", 400},
		{"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
		{"space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
		{"no colon", "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n", 400},
		{"no name", "GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", 400},
		{"NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400},
		{"NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\x00: a\r\n\r\n", 400},
		{"NUL in the target", "GET /\x00 HTTP/1.1" + rest, 400},
		{"DEL in the target", "GET /\x7f HTTP/1.1" + rest, 400},
		{"tab in the target", "GET /\t HTTP/1.1" + rest, 400},
		{"two spaces", "GET  / HTTP/1.1" + rest, 400},
		{"two spaces before the version", "GET /  HTTP/1.1" + rest, 400},
		{"space at the end", "GET / HTTP/1.1 " + rest, 400},
		{"space at the front", " GET / HTTP/1.1" + rest, 400},
		{"no version", "GET /" + rest, 400},
		{"0.9", "GET /\r\n", 400},
		{"1.2", "GET / HTTP/1.2" + rest, 400},
		{"2.0", "GET / HTTP/2.0" + rest, 400},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
		{"lower-case version", "GET / http/1.1" + rest, 400},
		{"long version", "GET / HTTP/1.10" + rest, 400},
		{"no method", "/ HTTP/1.1" + rest, 400},
		{"method with a colon", "GE:T / HTTP/1.1" + rest, 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
		{"host with a slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		{"host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
		{"host with an at", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
		{"length and coding", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"two lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400},
		{"twice the same length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 400},
		{"list of lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", 400},
		{"signed length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400},
		{"hexadecimal length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n", 400},
		{"empty length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
		{"huge length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
		{"coding in 1.0", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"two codings", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400},
		{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", 400},
		{"nonsense", "\x00", 400},
		{"many empty lines", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1" + rest, 400},
		{"target too long", "GET /" + strings.Repeat("x", lineMost) + " HTTP/1.1" + rest, 414},
		{"target without end", "GET /" + strings.Repeat("x", lineMost), 414},
		{"head too long", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", headMost) + "\r\n\r\n", 431},
		{"too many fields", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", headMost/6), 431},
	} {
		b := []byte(c.head)
		b = b[:min(len(b), headMost)] // no more is ever looked at
		if h, status := findHead(b); status != c.status {
			t.Errorf("%s: %+v, status %d; want %d", c.name, h, status, c.status)
		}
	}
}

// Nonsense is refused as soon as it can be told, not when its line is whole.
func TestNonsenseIsNotWaitedFor(t *testing.T) {
	for _, s := range []string{"\x16", "G\x00", "{\"a\":1}"} {
		if _, status := findHead([]byte(s)); status != 400 {
			t.Errorf("%q: status %d, want 400", s, status)
		}
	}
}

func newTestConns() *Conns {
	cs := &Conns{}
	cs.scratch()
	return cs
}

// Whatever comes, nothing panics; and what is accepted holds what the rest of the
// package relies on.
func FuzzRequestHead(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /a%20b?c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"\r\nHEAD http://h/x HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\n\r\nGET",
		"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET /%2e%2e/%00 HTTP/1.1\r\nHost: a\r\nIf-None-Match: W/\"a\", *\r\n\r\n",
		"GET * HTTP/1.1\r\nHost: a\r\nIf-Range: x\r\nRange: bytes=-\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\n", "PRI * HTTP/2.0\r\n\r\n", "\x16\x03\x01",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), headMost)]
		h, status := findHead(b)
		if status != 0 || h.size == 0 {
			if status != 0 && h != (head{}) && status != statusBadRequest {
				t.Errorf("refused with %d, yet %+v", status, h)
			}
			return
		}
		accepted := b[h.skip:h.size]
		if !bytes.HasSuffix(accepted, []byte("\r\n\r\n")) || bytes.Count(accepted, []byte("\n")) != bytes.Count(accepted, crlf) ||
			bytes.Count(accepted, []byte("\r")) != bytes.Count(accepted, crlf) || bytes.IndexByte(accepted, 0) >= 0 {
			t.Errorf("accepted %q", accepted)
		}
		if i := bytes.Index(accepted, []byte("\r\n\r\n")); i+4 != len(accepted) {
			t.Errorf("two ends in %q", accepted)
		}
		checkParsed(t, h, accepted)
	})
}

// checkParsed checks a head that the standard library takes as well.
func checkParsed(t *testing.T, h head, b []byte) {
	r, err := newTestConns().parse(b)
	if err != nil {
		return
	}
	if r.ProtoMajor != 1 || r.ProtoMinor > 1 || len(r.Header["Transfer-Encoding"]) > 0 && r.ContentLength > 0 {
		t.Errorf("accepted %q as %+v", b, r)
	}
	if (r.ContentLength != 0) != h.body() {
		t.Errorf("body %v, but the length of %q is %d", h.body(), b, r.ContentLength)
	}
	n, ok := cleanName(r.URL.Path)
	if ok {
		checkName(t, n)
	}
	v := newVersion(1000, 1, 1)
	if s := precondition(r.Header, v); s != 0 && s != http.StatusNotModified && s != http.StatusPreconditionFailed {
		t.Errorf("precondition %d", s)
	}
	rangeHolds(r.Header, v)
	if s, w := byteRange(r.Header["Range"], 1000); w == part && (s.from < 0 || s.length <= 0 || s.from+s.length > 1000) {
		t.Errorf("range %+v of %q", s, r.Header["Range"])
	}
}

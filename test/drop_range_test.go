package test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// One range is answered with that part, in every way; several with the whole file.
func TestDropRanges(t *testing.T) {
	t.Parallel()
	r := startDrop(t, everyTransfer)
	const size = 3_000_017
	body := bytesOf(1, size)
	r.file(t, "a", body)
	r.file(t, "empty", nil)
	for _, transfer := range transfers {
		c := r.clientOf(t, transfer)
		for _, q := range []struct {
			value    string
			from, to int // -1: the whole file
		}{
			{"bytes=0-0", 0, 0},
			{"bytes=0-", 0, size - 1},
			{"bytes=1-4095", 1, 4095},
			{"bytes=4096-8191", 4096, 8191},
			{"bytes=100-2999999", 100, 2_999_999},
			{"bytes=2999999-", 2_999_999, size - 1},
			{"bytes=-1", size - 1, size - 1},
			{"bytes=-100000", size - 100_000, size - 1},
			{"bytes=-99999999", 0, size - 1},
			{"bytes=10-99999999", 10, size - 1},
			{"bytes=0-1,5-6", -1, 0},
			{"bytes=5-1", -1, 0},
			{"pages=1-2", -1, 0},
		} {
			a := c.fetch(t, "/a", "Range: "+q.value)
			if q.from < 0 {
				a.want(t, 200, body)
				continue
			}
			a.want(t, 206, body[q.from:q.to+1])
			if want := fmt.Sprintf("bytes %d-%d/%d", q.from, q.to, size); a.Header.Get("Content-Range") != want {
				t.Errorf("%s: Content-Range %q, want %q", q.value, a.Header.Get("Content-Range"), want)
			}
		}
		for path, value := range map[string]string{"/a": "bytes=3000017-", "/empty": "bytes=0-"} {
			a := c.fetch(t, path, "Range: "+value)
			size := map[string]int{"/a": size}[path]
			if a.StatusCode != 416 || a.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
				t.Errorf("%s of %s: status %d, Content-Range %q", value, path, a.StatusCode, a.Header.Get("Content-Range"))
			}
		}
		if q := r.logged(t, c, "/a"); q.Transfer != transfer {
			t.Errorf("logged as %+v", q)
		}
	}
	c := r.client(t)
	c.say(t, ask("HEAD", "/a", "Range: bytes=0-0"))
	if a := c.hear(t, "HEAD"); a.StatusCode != 200 || a.ContentLength != size {
		t.Errorf("HEAD with a Range: status %d, Content-Length %d; a Range means something in a GET only", a.StatusCode, a.ContentLength)
	}
}

// Conditions, in the order of RFC 9110.
func TestDropConditions(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	path := r.file(t, "a", []byte("0123456789"))
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	c := r.client(t)
	first := c.fetch(t, "/a")
	tag, modified := first.Header.Get("ETag"), first.Header.Get("Last-Modified")
	earlier := at.Add(-time.Second).Format(http.TimeFormat)
	for _, q := range []struct {
		fields string
		status int
		body   string
	}{
		{"If-None-Match: " + tag, 304, ""},
		{"If-None-Match: W/" + tag, 304, ""},
		{"If-None-Match: \"x\", " + tag, 304, ""},
		{"If-None-Match: *", 304, ""},
		{"If-None-Match: \"x\"", 200, "0123456789"},
		{"If-Modified-Since: " + modified, 304, ""},
		{"If-Modified-Since: " + earlier, 200, "0123456789"},
		{"If-None-Match: \"x\"|If-Modified-Since: " + modified, 200, "0123456789"},
		{"If-Match: \"x\"", 412, "412 Precondition Failed\n"},
		{"If-Match: " + tag, 200, "0123456789"},
		{"If-Unmodified-Since: " + earlier, 412, "412 Precondition Failed\n"},
		{"If-Range: " + tag + "|Range: bytes=2-3", 206, "23"},
		{"If-Range: " + modified + "|Range: bytes=2-3", 206, "23"},
		{"If-Range: W/" + tag + "|Range: bytes=2-3", 200, "0123456789"},
		{"If-Range: \"x\"|Range: bytes=2-3", 200, "0123456789"},
		{"If-Range: " + earlier + "|Range: bytes=2-3", 200, "0123456789"},
		{"If-Range: \"x\"|Range: bytes=99-", 200, "0123456789"},
		{"If-None-Match: " + tag + "|Range: bytes=2-3", 304, ""},
	} {
		a := c.fetch(t, "/a", strings.Split(q.fields, "|")...)
		if a.StatusCode != q.status || string(a.body) != q.body {
			t.Errorf("%s: status %d, %q; want %d, %q", q.fields, a.StatusCode, a.body, q.status, q.body)
		}
		if a.StatusCode == 304 && (a.Header.Get("ETag") != tag || a.Header.Get("Content-Length") != "") {
			t.Errorf("304 with the fields %v", a.Header)
		}
	}
}

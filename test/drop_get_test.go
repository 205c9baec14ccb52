package test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// Every size around the edges (nothing, a page, what goes out with the head, a chunk),
// in every way, on one kept connection.
func TestDropSizes(t *testing.T) {
	t.Parallel()
	r := startDrop(t, everyTransfer)
	sizes := []int{0, 1, 4095, 4096, 4097, 16<<10 - 1, 16 << 10, 16<<10 + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 5_000_011}
	for _, n := range sizes {
		r.file(t, strconv.Itoa(n), bytesOf(uint64(n), n))
	}
	for _, transfer := range transfers {
		t.Run(transfer, func(t *testing.T) {
			c := r.clientOf(t, transfer)
			for _, n := range sizes {
				a := c.fetch(t, "/"+strconv.Itoa(n))
				a.want(t, 200, bytesOf(uint64(n), n))
				if a.ContentLength != int64(n) || a.Close {
					t.Errorf("%d bytes: Content-Length %d, close %v", n, a.ContentLength, a.Close)
				}
			}
			q := r.wantReason(t, c, "/5000011", "complete")
			if q.Bytes != 5_000_011 || q.Status != 200 || q.Transfer != transfer || q.Method != "GET" {
				t.Errorf("logged as %+v", q)
			}
		})
	}
}

// 100 MB to a reader that takes its time, in every way, and over a unix socket.
func TestDropSlowReader(t *testing.T) {
	t.Parallel()
	size := 100_000_007
	if testing.Short() {
		size = 10_000_019
	}
	for _, listen := range []string{"127.0.0.1:0", "[::1]:0", "unix"} {
		t.Run(strings.TrimSuffix(listen, ":0"), func(t *testing.T) {
			at := place(t, listen)
			for _, transfer := range transfers {
				r := startDrop(t, func(_ *harness.Config, d harness.Table) {
					d["transfer"], d["listen"] = transfer, []string{at}
				})
				makeBig(t, r, size)
				c := r.client(t)
				c.say(t, get("/big"))
				res, err := http.ReadResponse(c.in, nil)
				if err != nil || res.ContentLength != int64(size) {
					t.Fatal(err, res)
				}
				check := peer.Checker{Stream: 7}
				buf := make([]byte, 512<<10)
				for pause := 0; ; pause++ {
					n, err := res.Body.Read(buf)
					if err := check.Check(buf[:n]); err != nil {
						t.Fatalf("%s: %v", transfer, err)
					}
					if err != nil && (err != io.EOF || check.At != int64(size)) {
						t.Fatalf("%s: %v after %d bytes", transfer, err, check.At)
					}
					if err != nil {
						break
					}
					if pause%500 == 0 {
						time.Sleep(20 * time.Millisecond) // slow is what is tested
					}
				}
				c.fetch(t, "/none").want(t, 404, []byte("404 Not Found\n")) // and it goes on
				c.Close()
				r.Stop(t)
			}
		})
	}
}

func makeBig(t testing.TB, r *dropRig, size int) string {
	t.Helper()
	path := filepath.Join(r.dir, "big")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for at := 0; at < size; at += len(buf) {
		peer.Stream(7).Fill(buf, int64(at))
		if _, err := f.Write(buf[:min(len(buf), size-at)]); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// 64 clients at once, each with its own file, again and again on their connections.
func TestDropManyAtOnce(t *testing.T) {
	t.Parallel()
	r := startDrop(t, everyTransfer)
	const clients, rounds, size = 64, 10, 300_007
	for i := range clients {
		r.file(t, fmt.Sprintf("dir/%d", i), bytesOf(uint64(i), size+i))
	}
	var all sync.WaitGroup
	for i := range clients {
		c := r.clientOf(t, transfers[i%len(transfers)])
		all.Go(func() {
			for range rounds {
				if _, err := io.WriteString(c.Conn, get(fmt.Sprintf("/dir/%d", i))); err != nil {
					t.Error(err)
					return
				}
				a, err := c.tryHear("GET")
				if err != nil || !bytes.Equal(a.body, bytesOf(uint64(i), size+i)) {
					t.Errorf("client %d: %v, %d bytes", i, err, len(a.body))
					return
				}
			}
		})
	}
	all.Wait()
}

// HEAD says what GET would, and sends nothing.
func TestDropHead(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	r.file(t, "a.html", []byte("<p>hello"))
	c := r.client(t)
	for _, path := range []string{"/a.html", "/", "/none"} {
		full := c.fetch(t, path)
		c.say(t, ask("HEAD", path))
		only := c.hear(t, "HEAD")
		if only.StatusCode != full.StatusCode || len(only.body) != 0 {
			t.Errorf("%s: status %d and %d bytes, GET gives %d", path, only.StatusCode, len(only.body), full.StatusCode)
		}
		only.Header.Del("Date")
		full.Header.Del("Date")
		for field, values := range full.Header {
			if strings.Join(only.Header[field], "|") != strings.Join(values, "|") {
				t.Errorf("%s: HEAD has %s %q, GET %q", path, field, only.Header[field], values)
			}
		}
	}
	if q := r.logged(t, c, "/none"); q.Status != 404 {
		t.Errorf("logged as %+v", q)
	}
}

// What a file's answer says about it.
func TestDropFields(t *testing.T) {
	t.Parallel()
	r := startDrop(t, everyTransfer)
	path := r.file(t, "a.HTML", []byte("<script>alert(1)</script>"))
	at := time.Date(2024, 2, 29, 12, 34, 56, 789_000_001, time.UTC)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	a := r.fetch(t, "/a.HTML")
	for field, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Last-Modified": "Thu, 29 Feb 2024 12:34:56 GMT",
		"Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff", "Content-Length": "25",
	} {
		if got := a.Header.Get(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if policy := a.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "sandbox;") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("uploaded HTML may run in the origin of the page: %q", policy)
	}
	if date, err := http.ParseTime(a.Header.Get("Date")); err != nil || time.Since(date).Abs() > time.Minute {
		t.Errorf("Date: %q", a.Header.Get("Date"))
	}
	// The tag is the same wherever the same file lies with the same time.
	tag := a.Header.Get("ETag")
	other := r.file(t, "elsewhere/b", []byte("<script>alert(1)</script>"))
	if err := os.Chtimes(other, at, at); err != nil {
		t.Fatal(err)
	}
	if got := r.fetch(t, "/elsewhere/b").Header.Get("ETag"); got != tag || !strings.HasPrefix(tag, `"`) {
		t.Errorf("ETags %s and %s of two files that are the same", tag, got)
	}
	if err := os.Chtimes(other, at, at.Add(time.Nanosecond)); err != nil {
		t.Fatal(err)
	}
	if got := r.fetch(t, "/elsewhere/b").Header.Get("ETag"); got == tag {
		t.Errorf("a file with another time has the same ETag %s", tag)
	}
}

// The listing leads to everything that is there, folders first.
func TestDropListing(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	names := []string{"b.txt", "a b&<c>.txt", "ünï", "q?#%41"}
	for _, n := range names {
		r.file(t, "dir/"+n, []byte(n))
	}
	r.file(t, "dir/sub/deep", nil)
	c := r.client(t)
	to := c.fetch(t, "/dir")
	if to.StatusCode != 301 || to.Header.Get("Location") != "/dir/" {
		t.Fatalf("status %d, Location %q", to.StatusCode, to.Header.Get("Location"))
	}
	a := c.fetch(t, "/dir/")
	page := string(a.body)
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("status %d, %q", a.StatusCode, a.Header.Get("Content-Type"))
	}
	for _, href := range []string{"b.txt", "a%20b%26%3Cc%3E.txt", "%C3%BCn%C3%AF", "q%3F%23%2541", "sub/"} {
		if !strings.Contains(page, `href="`+href+`"`) {
			t.Errorf("no link to %s in\n%s", href, page)
		}
		if href != "sub/" {
			if got := c.fetch(t, "/dir/"+href); got.StatusCode != 200 || len(got.body) == 0 {
				t.Errorf("%s: status %d", href, got.StatusCode)
			}
		}
	}
	if strings.Index(page, `"sub/"`) > strings.Index(page, `"b.txt"`) {
		t.Error("a file is listed before a folder")
	}
	if c.fetch(t, "/dir/b.txt/").StatusCode != 404 {
		t.Error("a file with a slash behind it is found")
	}
	if page := string(c.fetch(t, "/dir/sub/").body); !strings.Contains(page, `href="../../"`) || !strings.Contains(page, `href="../"`) {
		t.Errorf("no way upwards in\n%s", page)
	}
}

// A large directory is listed whole, to a slow reader as well, and takes no loop's time.
func TestDropLargeListing(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	const n = 5000
	sum := sha256.New()
	for i := range n {
		name := fmt.Sprintf("many/%x-%d", sum.Sum(nil)[:8], i)
		r.file(t, name, nil)
		sum.Write([]byte(name))
	}
	a := r.fetch(t, "/many/")
	if got := strings.Count(string(a.body), "<td><a href="); a.StatusCode != 200 || got != n {
		t.Errorf("status %d, %d files are listed, want %d", a.StatusCode, got, n)
	}
}

//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// answer is what curl received.
type answer struct {
	code   int
	header http.Header
	body   string
}

// ask has curl show what it receives, head and body.
func ask(t testing.TB, args ...string) answer {
	t.Helper()
	shown := curl(t, append([]string{"-i"}, args...)...).ok(t)
	request := &http.Request{Method: "GET"}
	if slices.Contains(args, "-I") {
		request.Method = "HEAD"
	}
	got, err := http.ReadResponse(bufio.NewReader(strings.NewReader(shown)), request)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, shown)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, shown)
	}
	return answer{got.StatusCode, got.Header, string(body)}
}

// smallDrop serves a file "ruler" whose bytes tell their place.
func smallDrop(t testing.TB) (d *dropRig, dir, ruler string) {
	t.Helper()
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "%9d\n", 10*i)
	}
	dir = t.TempDir()
	path := write(t, filepath.Join(dir, "ruler.txt"), text.String())
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	return startDrop(t, dir, "splice"), dir, text.String()
}

func TestCurlRanges(t *testing.T) {
	d, _, ruler := smallDrop(t)
	size := len(ruler)
	for asked, want := range map[string]struct{ code, from, to int }{
		"0-0":         {206, 0, 1},
		"0-99":        {206, 0, 100},
		"49990-":      {206, 49990, size},
		"-10":         {206, size - 10, size},
		"49990-99999": {206, 49990, size}, // cut at the end
		"-99999":      {206, 0, size},
		"0-":          {206, 0, size},
		"50000-":      {416, 0, 0},
		"99999-":      {416, 0, 0},
		"-0":          {416, 0, 0},
		"0-1,4-5":     {200, 0, size}, // several: the whole file
	} {
		t.Run(asked, func(t *testing.T) {
			got := ask(t, "-r", asked, d.through+"/ruler.txt")
			if got.code != want.code {
				t.Fatalf("status %d, want %d", got.code, want.code)
			}
			field := ""
			switch want.code {
			case http.StatusRequestedRangeNotSatisfiable:
				field = fmt.Sprintf("bytes */%d", size)
			case http.StatusPartialContent:
				field = fmt.Sprintf("bytes %d-%d/%d", want.from, want.to-1, size)
			}
			if said := got.header.Get("Content-Range"); said != field {
				t.Errorf("Content-Range is %q, want %q", said, field)
			}
			if want.code < 400 && got.body != ruler[want.from:want.to] {
				t.Errorf("%d bytes, want those from %d to %d", len(got.body), want.from, want.to)
			}
		})
	}
}

// TestCurlResume goes on with what is there, half of it and all of it.
func TestCurlResume(t *testing.T) {
	d := startDrop(t, filepath.Dir(big(t)), "splice")
	d.bothWays(t, func(t *testing.T, url string) {
		got := filepath.Join(t.TempDir(), "got")
		curl(t, "-f", "-r", "0-99999999", "-o", got, url+"/"+bigName).ok(t)
		wantPart(t, got, big(t), 0, 100_000_000)
		curl(t, "-f", "-C", "-", "-o", got, url+"/"+bigName).ok(t)
		wantSame(t, got, big(t))
		curl(t, "-C", "-", "-o", got, url+"/"+bigName).ok(t)
		wantSame(t, got, big(t))
	})
}

// TestCurlIfRange resumes only what is still the same file.
func TestCurlIfRange(t *testing.T) {
	d, _, ruler := smallDrop(t)
	url := d.through + "/ruler.txt"
	tag := ask(t, "-I", url).header.Get("ETag")
	for condition, want := range map[string]answer{
		tag:                          {code: 206, body: ruler[10:20]},
		past.Format(http.TimeFormat): {code: 206, body: ruler[10:20]},
		`"another"`:                  {code: 200, body: ruler},
		past.Add(time.Hour).Format(http.TimeFormat): {code: 200, body: ruler},
	} {
		got := ask(t, "-r", "10-19", "-H", "If-Range: "+condition, url)
		if got.code != want.code || got.body != want.body {
			t.Errorf("If-Range: %s: status %d and %d bytes, want %d and %d",
				condition, got.code, len(got.body), want.code, len(want.body))
		}
	}
}

// TestCurlETag asks again with the tag of last time, before and after the file was
// replaced.
func TestCurlETag(t *testing.T) {
	d, dir, ruler := smallDrop(t)
	tag := filepath.Join(t.TempDir(), "tag")
	again := []string{"--etag-save", tag, "--etag-compare", tag, d.through + "/ruler.txt"}
	check := func(code int, body string) {
		t.Helper()
		if got := ask(t, again...); got.code != code || got.body != body {
			t.Errorf("status %d and %d bytes, want %d and %d", got.code, len(got.body), code, len(body))
		}
	}
	check(200, ruler)
	check(304, "")
	fresh := write(t, filepath.Join(t.TempDir(), "fresh"), "replaced")
	if err := os.Rename(fresh, filepath.Join(dir, "ruler.txt")); err != nil {
		t.Fatal(err)
	}
	check(200, "replaced")
	check(304, "")
}

// TestCurlTimeCondition has curl ask by the time of a file it has, and by dates.
func TestCurlTimeCondition(t *testing.T) {
	d, _, _ := smallDrop(t)
	url, got := d.through+"/ruler.txt", filepath.Join(t.TempDir(), "got")
	curl(t, "-f", "-R", "-o", got, url).ok(t) // -R takes over the time
	for condition, code := range map[string]int{
		got:                              304,
		"Sat, 29 Feb 2020 12:34:56 GMT":  304,
		"Sat, 29 Feb 2020 12:34:55 GMT":  200,
		"-Sat, 29 Feb 2020 12:34:57 GMT": 200, // '-': only if not modified since
		"-Sat, 29 Feb 2020 12:34:55 GMT": 412,
	} {
		if got := ask(t, "-z", condition, url); got.code != code {
			t.Errorf("-z %q: status %d, want %d", condition, got.code, code)
		}
	}
}

// TestCurlHead shows that HEAD says what GET would, for every kind of name.
func TestCurlHead(t *testing.T) {
	dir := makeTree(t)
	d := startDrop(t, dir, "splice")
	for name, kind := range map[string]string{
		"plain.txt": "text/plain; charset=utf-8", "angle%3Cb%3E.html": "text/html; charset=utf-8",
		"empty": "", "deep/random.bin": "", "%C3%BCmlaut-%E6%97%A5%E6%9C%AC.txt": "text/plain; charset=utf-8", "": "text/html; charset=utf-8",
	} {
		get, head := ask(t, d.through+"/"+name), ask(t, "-I", d.through+"/"+name)
		if get.code != 200 || head.code != 200 || head.body != "" {
			t.Errorf("%q: status %d, %d by HEAD, with %d bytes", name, get.code, head.code, len(head.body))
		}
		for field := range get.header {
			if a, b := get.header.Get(field), head.header.Get(field); a != b && field != "Date" {
				t.Errorf("%q: %s is %q by GET and %q by HEAD", name, field, a, b)
			}
		}
		if got := get.header.Get("Content-Type"); kind != "" && !strings.EqualFold(got, kind) {
			t.Errorf("%q: Content-Type is %q, want %q", name, got, kind)
		}
		if got := get.header.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%q: X-Content-Type-Options is %q", name, got)
		}
	}
}

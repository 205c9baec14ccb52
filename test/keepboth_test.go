package test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"relay/test/harness"
)

// Who sends a file that gets another name, because the drop keeps both, is told which.

// otherNames are the other names that a sending told of, by the paths of the files.
func otherNames(t *testing.T, out string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for line := range strings.Lines(out) {
		var e struct{ Event, Path, Stored string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err, line)
		}
		if e.Stored != "" {
			found[e.Event+" "+filepath.Base(e.Path)] = e.Stored
		}
	}
	return found
}

// Files that are put, that go in bundles and that go by uploads of their own are all told of.
func TestSendKeepsBoth(t *testing.T) {
	t.Parallel()
	r := startDrop(t, conflicting("keep_both"))
	to := "http://" + r.Address(t, "files") + "/in/dir/"
	from := t.TempDir()
	want := map[string]string{}
	plantFile(t, filepath.Join(from, "large.bin"), bytesOf(1, 3_000_000), 0o644, time.Unix(7, 0))
	want["done large.bin"] = to + "large%20%281%29.bin"
	for i := range 100 {
		name := fmt.Sprintf("s%02d", i)
		plantFile(t, filepath.Join(from, "sub", name), []byte(name), 0o644, time.Unix(7, 0))
		want["done "+name] = to + "sub/" + name + "%20%281%29"
	}
	args := []string{"send", "-rf", "-j1", stateFlag(t), from + "/", to}
	first, _ := transfer(t, args...)
	if got := otherNames(t, first.Stdout); len(got) != 0 {
		t.Errorf("the first time: %v", got)
	}
	again, _ := transfer(t, args...)
	if got := otherNames(t, again.Stdout); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := snapshotFiles(r.dir); len(got) != 202 {
		t.Errorf("%d files are there", len(got))
	}
	r.Line(t, "a bundle", func(l harness.Line) bool { return l.Field("method") == "POST" && l.Field("path") == "/in/dir/" })
	o := harness.Run(t, "send", "-f", stateFlag(t), filepath.Join(from, "sub", "s00"), to+"sub/")
	if says := "kept both: " + filepath.Join(from, "sub", "s00") + " is " + to + "sub/s00%20%282%29\n"; o.Code != 0 || o.Stderr != says || o.Stdout != "" {
		t.Errorf("exit code %d, %q%q, want %q", o.Code, o.Stderr, o.Stdout, says)
	}
	if o := harness.Run(t, "send", "-qf", stateFlag(t), filepath.Join(from, "sub", "s00"), to+"sub/"); o.Code != 0 || o.Stderr+o.Stdout != "" {
		t.Errorf("exit code %d, %q%q", o.Code, o.Stderr, o.Stdout)
	}
}

// So is standard input.
func TestSendKeepsBothStreams(t *testing.T) {
	t.Parallel()
	r := startDrop(t, conflicting("keep_both"))
	to := "http://" + r.Address(t, "files") + "/s"
	for _, want := range []map[string]string{{}, {"done -": to + "%20%281%29"}} {
		c := exec.Command(harness.Binary(), "send", "--json", "-", to)
		c.Stdin = strings.NewReader("content")
		out, err := c.Output()
		if got := otherNames(t, string(out)); err != nil || !maps.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
}

// The name is told also where the answer that had it was lost.
func TestSendKeepsBothAndLosesAnswers(t *testing.T) {
	t.Parallel()
	for method, size := range map[string]int{"PUT": 10, "PATCH": 3_000_000} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			r := startDrop(t, conflicting("keep_both"))
			r.file(t, "a", []byte("before"))
			url, lost := losingOne(t, r.Address(t, "files"), method)
			from := filepath.Join(t.TempDir(), "a")
			plantFile(t, from, bytesOf(1, size), 0o644, time.Unix(7, 0))
			o, _ := transfer(t, "send", stateFlag(t), from, url+"/")
			want := map[string]string{"done a": url + "/a%20%281%29"}
			if got := otherNames(t, o.Stdout); o.Code != 0 || !maps.Equal(got, want) || !lost.Load() {
				t.Errorf("exit code %d, an answer was lost: %v, %v, want %v\n%s", o.Code, lost.Load(), got, want, o.Stderr)
			}
			if got := slices.Sorted(maps.Keys(snapshotFiles(r.dir))); !slices.Equal(got, []string{"a", "a (1)"}) {
				t.Errorf("there is %v", got)
			}
		})
	}
}

// losingOne is a proxy that loses the first answer that a file of this method is stored, with
// the connection.
func losingOne(t *testing.T, target, method string) (string, *atomic.Bool) {
	t.Helper()
	lost := &atomic.Bool{}
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: target})
	p.ModifyResponse = func(res *http.Response) error {
		if res.Request.Method == method && res.StatusCode == http.StatusCreated && !lost.Swap(true) {
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	p.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return s.URL, lost
}

//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// TestCurlKeepAlive has curl say how many connections each request needed: none but the
// first, whatever the answers were.
func TestCurlKeepAlive(t *testing.T) {
	d, _, _ := smallDrop(t)
	d.bothWays(t, func(t *testing.T, url string) {
		args := []string{"-w", "%{num_connects} "}
		for _, path := range []string{"/ruler.txt", "/", "/ruler.txt", "/missing", "/ruler.txt"} {
			args = append(args, "-o", "/dev/null", url+path)
		}
		if got := curl(t, args...).ok(t); got != "1 0 0 0 0 " {
			t.Errorf("connections opened: %s", got)
		}
	})
}

// TestCurlUnixSocket has a drop on a unix socket.
func TestCurlUnixSocket(t *testing.T) {
	socket := filepath.Join(harness.Directory(t), "drop")
	c := &harness.Config{Drops: []harness.Table{{
		"name": "files", "listen": []string{"unix:" + socket}, "directory": filepath.Dir(big(t)),
	}}}
	harness.Start(t, c)
	got := filepath.Join(t.TempDir(), "got")
	curl(t, "-f", "--unix-socket", socket, "-o", got, "http://drop/"+bigName).ok(t)
	wantSame(t, got, big(t))
}

// TestNetcatPipelined sends many requests before it reads an answer, and a FIN after the
// last: all answers come, in order, whole.
func TestNetcatPipelined(t *testing.T) {
	d, dir, ruler := smallDrop(t)
	const streamed = 5_000_000
	if err := writeRandom(filepath.Join(dir, "random"), streamed); err != nil {
		t.Fatal(err)
	}
	const requests = 300
	var asked strings.Builder
	for i := range requests {
		path := "/ruler.txt"
		if i%100 == 50 {
			path = "/random"
		}
		fmt.Fprintf(&asked, "GET %s HTTP/1.1\r\nHost: drop\r\n\r\n", path)
	}
	d.bothWays(t, func(t *testing.T, url string) {
		p, path := netcat(t, strings.TrimPrefix(url, "http://"), "-N").text(asked.String()).output(t)
		p.ok(t)
		answers := bufio.NewReader(open(t, path))
		for i := range requests {
			want := io.Reader(strings.NewReader(ruler))
			if i%100 == 50 {
				want = open(t, filepath.Join(dir, "random"))
			}
			wantNext(t, i, answers, want)
		}
		if rest, _ := io.ReadAll(answers); len(rest) > 0 {
			t.Errorf("%d bytes after the last answer: %.200q", len(rest), rest)
		}
	})
}

// wantNext reads the next answer of a pipeline.
func wantNext(t testing.TB, i int, answers *bufio.Reader, want io.Reader) {
	t.Helper()
	got, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("answer %d: %v", i, err)
	}
	defer got.Body.Close()
	if err := compare(got.Body, want); err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("answer %d: %s, %v", i, got.Status, err)
	}
}

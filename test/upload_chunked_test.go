package test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"relay/test/harness"
)

// inChunks is a body in chunks of up to size bytes.
func inChunks(body []byte, size int) []byte {
	var b []byte
	for len(body) > 0 {
		n := min(size, len(body))
		b = fmt.Appendf(b, "%x\r\n", n)
		b = append(append(b, body[:n]...), "\r\n"...)
		body = body[n:]
	}
	return append(b, "0\r\n\r\n"...)
}

const chunked = "Transfer-Encoding: chunked"

// Bodies in chunks arrive like others, and the next request on the connection is found.
func TestUploadChunked(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["digest"] = "sha-256" })
	want := map[string][]byte{}
	c := r.client(t)
	for i, size := range []int{0, 1, 1000, 64 << 10, 3_000_001} {
		for j, chunk := range []int{1, 100, 8 << 10, 1 << 20} {
			if size/chunk > 10_000 {
				continue
			}
			name, body := fmt.Sprintf("%d/%d", i, j), bytesOf(uint64(i), size)
			want[name] = body
			text := append([]byte(ask("PUT", "/"+name, chunked)), inChunks(body, chunk)...)
			go func() { _, _ = c.Write(append(text, get("/"+name)...)) }()
			a := c.hear(t, "PUT")
			a.want(t, 201, []byte{})
			if got := a.Header.Get("Repr-Digest"); got != "sha-256=:"+sha256Of(body)+":" {
				t.Errorf("%s: the digest is %q", name, got)
			}
			c.hear(t, "GET").want(t, 200, body)
		}
	}
	r.wantTree(t, want)
}

func TestUploadChunkedRefusals(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["file_size_max"] = "1MiB" })
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"nonsense":          {"x\r\n", 400},
		"a bare LF":         {"3\nabc\n0\n\n", 400},
		"a chunk too short": {"5\r\nabc\r\n0\r\n\r\n", 400},
		"a huge size":       {"fffffffffffffffff\r\n", 400},
		"endless trailers":  {"0\r\n" + strings.Repeat("X: y\r\n", 20_000), 400},
		"too large":         {string(inChunks(bytesOf(1, 2<<20), 64<<10)), 413},
		"too large by one":  {string(inChunks(bytesOf(1, 1<<20+1), 64<<10)), 413},
	} {
		conn := r.client(t)
		go func() { _, _ = conn.Write([]byte(ask("PUT", "/a", chunked) + c.body)) }()
		if a := conn.hear(t, "PUT"); a.StatusCode != c.status || !a.Close {
			t.Errorf("%s: status %d, close %v: %s", name, a.StatusCode, a.Close, a.body)
		}
		conn.Close()
	}
	cut := r.client(t)
	cut.say(t, ask("PUT", "/a", chunked)+"5\r\nabcde\r\n")
	cut.CloseWrite()
	r.wantReason(t, cut, "/a", "client_closed")
	r.wantTree(t, nil)
}

// An upload of unknown length goes on by requests of unknown length.
func TestResumableChunked(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	body := bytesOf(1, 3_000_000)
	c := r.client(t)
	c.say(t, ask("POST", "/a", interop, "Upload-Complete: ?0", chunked))
	if res := c.interim(t); res.StatusCode != 104 {
		t.Fatal(res.StatusCode)
	}
	if _, err := c.Write(inChunks(body[:1_000_000], 10_000)); err != nil {
		t.Fatal(err)
	}
	a := c.hear(t, "POST")
	if a.StatusCode != 201 || a.Header.Get("Upload-Offset") != "1000000" || a.Header.Get("Upload-Length") != "" {
		t.Fatalf("status %d, %v", a.StatusCode, a.Header)
	}
	c.say(t, ask("PATCH", a.Header.Get("Location"), interop, chunked, "Upload-Offset: 1000000", "Upload-Complete: ?1",
		"Content-Type: application/partial-upload", "Repr-Digest: sha-256=:"+sha256Of(body)+":"))
	if _, err := c.Write(inChunks(body[1_000_000:], 100_000)); err != nil {
		t.Fatal(err)
	}
	if a := c.hear(t, "PATCH"); a.StatusCode != http.StatusCreated {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	r.fetch(t, "/a").want(t, 200, body)
}

package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// transfers are the values of the key; every rule about responses holds for each.
var transfers = []string{"splice", "sendfile", "mmap", "copy"}

// dropRig is a running relay with drops and clients that the test plays.
type dropRig struct {
	*harness.Relay
	dir string // what the drop "files" serves

	mu    sync.Mutex
	conns []*peer.Conn
}

// startDrop runs a relay with the drop "files" on a directory of its own.
func startDrop(t testing.TB, edit func(*harness.Config, harness.Table), options ...harness.Options) *dropRig {
	t.Helper()
	r := &dropRig{dir: harness.Directory(t)}
	c := &harness.Config{Engine: harness.Table{"drain_timeout": "3s"}, Log: harness.Table{"level": "info"}}
	d := harness.Table{"name": "files", "listen": []string{"127.0.0.1:0"}, "directory": r.dir}
	c.Drops = []harness.Table{d}
	if edit != nil {
		edit(c, d)
	}
	r.Relay = harness.Start(t, c, options...)
	t.Cleanup(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, c := range r.conns {
			c.Close()
		}
	})
	return r
}

// everyTransfer is an edit that adds a drop for each transfer, named after it, on the
// same directory.
func everyTransfer(c *harness.Config, d harness.Table) {
	for _, transfer := range transfers {
		c.Drops = append(c.Drops, harness.Table{
			"name": transfer, "listen": []string{"127.0.0.1:0"}, "directory": d["directory"], "transfer": transfer,
		})
	}
}

// file writes a file of the drop and returns its path.
func (r *dropRig) file(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// bytesOf is n bytes of a stream that repeats nowhere.
func bytesOf(seed uint64, n int) []byte {
	b := make([]byte, n)
	peer.Stream(seed).Fill(b, 0)
	return b
}

// client is a connection that speaks HTTP by hand.
type client struct {
	*peer.Conn
	in *bufio.Reader
}

func (r *dropRig) client(t testing.TB) *client { return r.clientOf(t, "files") }

func (r *dropRig) clientOf(t testing.TB, drop string) *client {
	t.Helper()
	c, err := r.tryClient(drop)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tryClient is clientOf where the program may be gone.
func (r *dropRig) tryClient(drop string) (*client, error) {
	all := r.Addresses(drop)
	if len(all) == 0 {
		return nil, errors.New("nothing listens")
	}
	c, err := peer.Dial(all[0])
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, c)
	return &client{c, bufio.NewReader(c)}, nil
}

// say sends a request as it is.
func (c *client) say(t testing.TB, text string) {
	t.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		t.Fatalf("request %.80q: %v", text, err)
	}
}

// get is a request for a path, with further fields.
func get(path string, fields ...string) string { return ask("GET", path, fields...) }

func ask(method, path string, fields ...string) string {
	text := method + " " + path + " HTTP/1.1\r\nHost: test\r\n"
	for _, f := range fields {
		text += f + "\r\n"
	}
	return text + "\r\n"
}

// answer is a response that has arrived whole.
type answer struct {
	*http.Response
	body []byte
}

// hear reads a response to a request with this method.
func (c *client) hear(t testing.TB, method string) answer {
	t.Helper()
	a, err := c.tryHear(method)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (c *client) tryHear(method string) (answer, error) {
	res, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		return answer{}, fmt.Errorf("no response: %w", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, fmt.Errorf("status %d, %d bytes of %d, then: %w", res.StatusCode, len(body), res.ContentLength, err)
	}
	return answer{res, body}, nil
}

// fetch asks and hears on this connection.
func (c *client) fetch(t testing.TB, path string, fields ...string) answer {
	t.Helper()
	c.say(t, get(path, fields...))
	return c.hear(t, "GET")
}

// fetch asks on a connection of its own.
func (r *dropRig) fetch(t testing.TB, path string, fields ...string) answer {
	t.Helper()
	c := r.client(t)
	defer c.Close()
	return c.fetch(t, path, fields...)
}

// want checks status and body.
func (a answer) want(t testing.TB, status int, body []byte) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("status %d, want %d (%.200q)", a.StatusCode, status, a.body)
	}
	if !bytes.Equal(a.body, body) {
		t.Fatalf("%d bytes came, want %d; they differ at byte %d", len(a.body), len(body), differAt(a.body, body))
	}
}

func differAt(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// wantEnd checks that the server ends the connection, and how: by FIN or by reset.
func (c *client) wantEnd(t testing.TB, reset bool) {
	t.Helper()
	n, err := io.Copy(io.Discard, c.in)
	if n != 0 || peer.IsReset(err) != reset || err != nil && !reset {
		t.Errorf("the connection ended with %v after %d bytes, want a reset: %v", err, n, reset)
	}
}

// requestLine is an access-log line: what the program says about one request at its end.
type requestLine struct {
	Drop     string  `json:"drop"`
	Client   string  `json:"client"`
	Method   string  `json:"method"`
	Path     string  `json:"path"`
	Status   int     `json:"status"`
	Bytes    int64   `json:"bytes"`
	Received int64   `json:"received"`
	Token    string  `json:"token"`
	Transfer string  `json:"transfer"`
	Duration float64 `json:"duration_ms"`
	Reason   string  `json:"reason"`
}

func requestOf(l harness.Line) (requestLine, bool) {
	var q requestLine
	return q, l.Message == "request" && json.Unmarshal([]byte(l.Raw), &q) == nil
}

// logged waits for the access-log line of the last request of a client that has the
// path, "" for a request that was never understood.
func (r *dropRig) logged(t testing.TB, c *client, path string) requestLine {
	t.Helper()
	from := c.LocalAddr().String()
	line := r.Line(t, "the access-log line of "+from+" for "+path, func(l harness.Line) bool {
		q, ok := requestOf(l)
		return ok && q.Client == from && q.Path == path
	})
	q, _ := requestOf(line)
	return q
}

// wantReason checks why a request ended.
func (r *dropRig) wantReason(t testing.TB, c *client, path, reason string) requestLine {
	t.Helper()
	q := r.logged(t, c, path)
	if q.Reason != reason {
		t.Errorf("the request ended for the reason %q, want %q (%+v)", q.Reason, reason, q)
	}
	return q
}

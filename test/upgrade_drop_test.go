package test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"relay/test/peer"
)

// Of the connections to a drop those move that are between two requests; a response
// under way is finished by the old process, down to the last byte.
func TestUpgradeOfADrop(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	content := bytesOf(7, 24*mib) // more than the kernel's buffers take
	r.file(t, "large", content)
	small := bytesOf(8, 1000)
	r.file(t, "small", small)
	address := r.Address(t, "files")
	kept, busy := dialHTTP(t, address), dialHTTP(t, address)
	kept.want(t, "/small", small)
	busy.ask(t, "/large")
	head := make([]byte, 100)
	if _, err := io.ReadFull(busy.in, head); err != nil { // it is under way
		t.Fatal(err)
	}
	l := r.Upgrade(t)
	if l.Field("moved") != 1.0 || l.Field("left") != 1.0 {
		t.Error(l.Raw)
	}
	kept.want(t, "/small", small)
	rest := bufio.NewReader(io.MultiReader(bytes.NewReader(head), busy.in))
	wantBody(t, rest, content)
	r.Message(t, "gone: the process that took over serves")
	kept.want(t, "/small", small)
	kept.conn.Close()
}

// httpConn is a client's connection.
type httpConn struct {
	conn *peer.Conn
	in   *bufio.Reader
}

func dialHTTP(t *testing.T, address string) *httpConn {
	t.Helper()
	c, err := peer.Dial(address)
	must(t, "connect", err)
	t.Cleanup(func() { c.Close() })
	return &httpConn{c, bufio.NewReader(c)}
}

func (c *httpConn) ask(t *testing.T, path string) {
	t.Helper()
	_, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: relay\r\n\r\n", path)
	must(t, "ask", err)
}

func (c *httpConn) want(t *testing.T, path string, content []byte) {
	t.Helper()
	c.ask(t, path)
	wantBody(t, c.in, content)
}

func wantBody(t *testing.T, in *bufio.Reader, content []byte) {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	must(t, "read the head", err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	must(t, "read the body", err)
	if resp.StatusCode != http.StatusOK || !bytes.Equal(got, content) {
		t.Errorf("status %d and %d bytes, want 200 and %d", resp.StatusCode, len(got), len(content))
	}
}

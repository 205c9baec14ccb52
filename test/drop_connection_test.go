package test

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// When a connection is kept and when it ends, by version and by what the client says.
func TestDropKeepAlive(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	r.file(t, "a", []byte("content"))
	for _, c := range []struct {
		name, request string
		kept          bool
		connection    string // what the answer says
	}{
		{"1.1", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", true, ""},
		{"1.1 close", "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, "close"},
		{"1.1 close among others", "GET /a HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false, "close"},
		{"1.0", "GET /a HTTP/1.0\r\n\r\n", false, "close"},
		{"1.0 keep-alive", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, "keep-alive"},
		{"404", "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", true, ""},
		{"405", "DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n", true, ""},
		{"with a body", "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", false, "close"},
		{"with a chunked body", "GET /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n0\r\n\r\n", false, "close"},
	} {
		t.Run(c.name, func(t *testing.T) {
			one := r.client(t)
			one.say(t, c.request)
			a := one.hear(t, "GET")
			if got := strings.Join(a.Header["Connection"], ","); got != c.connection && !(a.Close && c.connection == "close") {
				t.Errorf("Connection: %q, want %q", got, c.connection)
			}
			if !c.kept {
				one.CloseWrite()
				one.wantEnd(t, false)
				return
			}
			one.fetch(t, "/a").want(t, 200, []byte("content"))
		})
	}
}

// Requests that come without waiting for answers are answered in order.
func TestDropPipelining(t *testing.T) {
	t.Parallel()
	r := startDrop(t, everyTransfer)
	const n = 50
	for i := range n {
		r.file(t, strconv.Itoa(i), bytesOf(uint64(i), i*i*i))
	}
	for _, transfer := range transfers {
		c := r.clientOf(t, transfer)
		var all strings.Builder
		for i := range n {
			all.WriteString(get("/" + strconv.Itoa(i)))
			all.WriteString(ask("HEAD", "/"+strconv.Itoa(i)))
		}
		// In two pieces that end in the middle of a head.
		text := all.String()
		c.say(t, text[:len(text)/2+7])
		go io.WriteString(c.Conn, text[len(text)/2+7:])
		for i := range n {
			c.hear(t, "GET").want(t, 200, bytesOf(uint64(i), i*i*i))
			if only := c.hear(t, "HEAD"); only.ContentLength != int64(i*i*i) {
				t.Fatalf("HEAD %d: Content-Length %d", i, only.ContentLength)
			}
		}
	}
}

// A head may come in any pieces.
func TestDropHeadInPieces(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	r.file(t, "a", []byte("content"))
	c := r.client(t)
	for _, size := range []int{1, 2, 7} {
		request := []byte(get("/a", "X: "+strings.Repeat("y", 100)))
		for len(request) > 0 {
			n := min(size, len(request))
			if _, err := c.Write(request[:n]); err != nil {
				t.Fatal(err)
			}
			request = request[n:]
		}
		c.hear(t, "GET").want(t, 200, []byte("content"))
	}
}

// A client that ends its direction after the request still gets the answer.
func TestDropHalfClosedClient(t *testing.T) {
	t.Parallel()
	r := startDrop(t, everyTransfer)
	r.file(t, "a", bytesOf(1, 3_000_000))
	for _, transfer := range transfers {
		for _, cut := range []int{0, 10} { // with the request, and in the middle of it
			c := r.clientOf(t, transfer)
			request := get("/a")
			c.say(t, request[:cut])
			c.say(t, request[cut:])
			c.CloseWrite()
			c.hear(t, "GET").want(t, 200, bytesOf(1, 3_000_000))
			c.wantEnd(t, false)
		}
	}
	// One that ends it before the request is whole gets to know that.
	c := r.client(t)
	c.say(t, "GET / HT")
	c.CloseWrite()
	if a := c.hear(t, "GET"); a.StatusCode != 400 {
		t.Errorf("status %d, want 400", a.StatusCode)
	}
	c.wantEnd(t, false)
}

// An answer that comes before the request is read arrives, though the client goes on
// sending: the connection lingers.
func TestDropEarlyAnswerArrives(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	body := bytesOf(1, 8<<20)
	for _, c := range []struct {
		name, head string
		status     int
	}{
		{"method", ask("PUT", "/x", "Content-Length: "+strconv.Itoa(len(body))), 405},
		{"chunked", ask("POST", "/x", "Transfer-Encoding: chunked"), 405},
		{"nonsense", "GET  / HTTP/1.1\r\n\r\n", 400},
		{"long line", "GET /" + strings.Repeat("x", 20<<10), 414},
		{"long head", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 20<<10), 431},
	} {
		t.Run(c.name, func(t *testing.T) {
			one := r.client(t)
			one.say(t, c.head)
			if _, err := one.Write(body); err != nil { // before reading anything
				t.Fatalf("while sending: %v", err)
			}
			a := one.hear(t, "GET")
			if a.StatusCode != c.status || !a.Close {
				t.Errorf("status %d, close %v; want %d", a.StatusCode, a.Close, c.status)
			}
			if c.status == 405 && a.Header.Get("Allow") != "GET, HEAD, OPTIONS, PROPFIND" {
				t.Errorf("Allow: %q", a.Header.Get("Allow"))
			}
			one.CloseWrite()
			one.wantEnd(t, false)
		})
	}
}

// A client that lingers in its turn is let go after a while.
func TestDropLingerEnds(t *testing.T) {
	t.Parallel()
	r := startDrop(t, func(_ *harness.Config, d harness.Table) { d["half_close_timeout"] = "500ms" })
	c := r.client(t)
	start := time.Now()
	c.say(t, "nonsense\r\n\r\n")
	c.hear(t, "GET")
	c.wantEnd(t, false)
	harness.Eventually(t, "the connection is closed", func() (bool, any) {
		n := r.Descriptors(t)["socket"]
		return n == 1, n // the listening one
	})
	within(t, "lingering", start, 400*time.Millisecond, late)
}

// A connection keeps nothing between two requests: no pipe, and hardly any memory.
func TestDropIdleConnectionsAreCheap(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	r.file(t, "a", bytesOf(1, 1<<20))
	var clients []*client
	open := func(n int) {
		for range n {
			c := r.client(t)
			c.fetch(t, "/a").want(t, 200, bytesOf(1, 1<<20))
			clients = append(clients, c)
		}
	}
	open(100)
	before := r.AnonBytes(t)
	more := 1000
	if harness.Race {
		more = 200 // what is asserted then is the pipes alone
	}
	open(more)
	grown := r.AnonBytes(t) - before
	t.Logf("%d bytes for each idle connection", grown/more)
	if grown/more > 4<<10 && !harness.Race {
		t.Errorf("an idle connection costs %d bytes", grown/more)
	}
	if pipes := r.Descriptors(t)["pipe"]; pipes > 16 {
		t.Errorf("%d pipe ends are open", pipes)
	}
}

// A drain lets responses finish, says that they are the last, and ends idle connections.
func TestDropDrain(t *testing.T) {
	t.Parallel()
	for _, transfer := range transfers {
		r := startDrop(t, func(c *harness.Config, d harness.Table) {
			d["transfer"] = transfer
			c.Engine["drain_timeout"] = "20s"
		})
		body := bytesOf(1, 20<<20)
		r.file(t, "a", body)
		idle, busy, silent := r.client(t), r.client(t), r.client(t)
		idle.fetch(t, "/none")
		busy.say(t, get("/a"))
		res, err := http.ReadResponse(busy.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Signal(t, sigterm)
		r.Message(t, "draining")
		idle.wantEnd(t, false)
		late := get("/a")
		busy.say(t, late) // a next request is not refused, if it comes while the response runs
		got, err := io.ReadAll(res.Body)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %d bytes, %v", transfer, len(got), err)
		}
		a := busy.hear(t, "GET")
		a.want(t, 200, body)
		if !a.Close {
			t.Errorf("%s: the last response does not say that it is", transfer)
		}
		busy.wantEnd(t, false)
		silent.wantEnd(t, false)
		if code := r.Exit(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}

// What does not finish in time is reset.
func TestDropDrainTimeout(t *testing.T) {
	t.Parallel()
	for _, transfer := range transfers {
		r := startDrop(t, func(c *harness.Config, d harness.Table) {
			d["transfer"] = transfer
			c.Engine["drain_timeout"] = "300ms"
		})
		r.file(t, "a", bytesOf(1, 50<<20))
		c := r.client(t)
		c.say(t, get("/a"))
		if _, err := c.in.Peek(1); err != nil {
			t.Fatal(err)
		}
		r.Signal(t, sigterm)
		if code := r.Exit(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if _, err := io.Copy(io.Discard, c.in); !peer.IsReset(err) {
			t.Errorf("%s: the response ended with %v, want a reset", transfer, err)
		}
		r.wantReason(t, c, "/a", "drain_timeout")
	}
}

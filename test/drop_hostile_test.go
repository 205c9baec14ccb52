package test

import (
	"bufio"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

const sigterm = syscall.SIGTERM

// What is no request gets 400 at once and the end of the connection.
func TestDropRefusesNonsense(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	for _, request := range []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"GET / HTTP/1.1\n\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
		"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
		"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /%\r\nHost: a\r\n\r\n",
	} {
		c := r.client(t)
		c.say(t, request)
		a := c.hear(t, "GET")
		if a.StatusCode != 400 || !a.Close {
			t.Errorf("%.60q: status %d, close %v; want 400", request, a.StatusCode, a.Close)
		}
		c.CloseWrite()
		c.wantEnd(t, false)
		r.wantReason(t, c, "", "bad_request")
	}
}

// A head has a time to be whole by, however it trickles in.
func TestDropSlowHeads(t *testing.T) {
	t.Parallel()
	r := startDrop(t, func(_ *harness.Config, d harness.Table) { d["header_timeout"] = "700ms" })
	t.Run("dripping", func(t *testing.T) {
		stop, start := make(chan struct{}), time.Now() // before it is accepted
		c := r.client(t)
		go drip(&peer.Conn{Conn: noWriteError{c.Conn}}, 50*time.Millisecond, stop)
		defer close(stop)
		c.say(t, "GET / HTTP/1.1\r\nHost: a\r\nX: ")
		// drip sends zero bytes, which no head may hold: they go unseen until the line is whole.
		if a := c.hear(t, "GET"); a.StatusCode != 408 || !a.Close {
			t.Errorf("status %d, close %v; want 408", a.StatusCode, a.Close)
		}
		within(t, "header_timeout", start, 650*time.Millisecond, late)
		r.wantReason(t, c, "", "header_timeout")
	})
	t.Run("second request", func(t *testing.T) {
		c := r.client(t)
		c.fetch(t, "/none")
		time.Sleep(time.Second) // longer than header_timeout: a kept connection may be idle
		start := time.Now()
		c.say(t, "GET /")
		if a := c.hear(t, "GET"); a.StatusCode != 408 {
			t.Errorf("status %d, want 408", a.StatusCode)
		}
		within(t, "header_timeout", start, 650*time.Millisecond, late)
	})
	t.Run("silent", func(t *testing.T) {
		start := time.Now() // before it is accepted
		c := r.client(t)
		c.wantEnd(t, false)
		within(t, "header_timeout", start, 650*time.Millisecond, late)
	})
}

// noWriteError hides that a connection has ended from whoever only drips into it.
type noWriteError struct{ net.Conn }

func (c noWriteError) Write(b []byte) (int, error) {
	_, _ = c.Conn.Write(b)
	return len(b), nil
}

// A kept connection that says nothing is closed; a response that nobody reads is reset.
func TestDropIdle(t *testing.T) {
	t.Parallel()
	for _, transfer := range transfers {
		t.Run(transfer, func(t *testing.T) {
			t.Parallel()
			r := startDrop(t, func(_ *harness.Config, d harness.Table) {
				d["idle_timeout"], d["transfer"] = "700ms", transfer
			})
			r.file(t, "a", bytesOf(1, 50<<20))
			kept, stalled := r.client(t), r.client(t)
			start := time.Now() // before it is idle
			kept.fetch(t, "/none")
			kept.wantEnd(t, false)
			within(t, "idle_timeout", start, 650*time.Millisecond, late)

			stalled.say(t, get("/a"))
			q := r.wantReason(t, stalled, "/a", "idle_timeout")
			if q.Status != 200 || q.Bytes == 0 || q.Bytes >= 50<<20 {
				t.Errorf("logged as %+v", q)
			}
			if _, err := io.Copy(io.Discard, stalled.in); !peer.IsReset(err) {
				t.Errorf("the response ended with %v, want a reset", err)
			}
		})
	}
}

// A client that resets in the middle of a response, or leaves in the middle of a head.
func TestDropClientGoes(t *testing.T) {
	t.Parallel()
	r := startDrop(t, everyTransfer)
	r.file(t, "a", bytesOf(1, 50<<20))
	for _, transfer := range transfers {
		c := r.clientOf(t, transfer)
		c.say(t, get("/a"))
		if _, err := c.in.Peek(1); err != nil {
			t.Fatal(err)
		}
		c.Reset()
		r.wantReason(t, c, "/a", "client_reset")
	}
	c := r.client(t)
	c.say(t, "GET /half")
	c.Reset()
	if q := r.logged(t, c, ""); q.Reason != "client_reset" && q.Reason != "bad_request" {
		t.Errorf("a head that was cut off is logged as %+v", q)
	}
}

// Urgent data makes a socket readable without anything to read. It must not make the
// loop spin, nor get in the way of a request.
func TestDropUrgentData(t *testing.T) {
	t.Parallel()
	r := startDrop(t, func(_ *harness.Config, d harness.Table) { d["header_timeout"] = "5s" })
	r.file(t, "a", []byte("content"))
	var clients []*client
	for range 20 {
		c := r.client(t)
		if err := c.SendUrgent('!'); err != nil {
			t.Fatal(err)
		}
		kept := r.client(t)
		kept.fetch(t, "/a").want(t, 200, []byte("content"))
		if err := kept.SendUrgent('!'); err != nil {
			t.Fatal(err)
		}
		half := r.client(t)
		half.say(t, "GET / HT")
		if err := half.SendUrgent('!'); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c, kept, half)
	}
	r.Quiet(t)
	clients[1].fetch(t, "/a").want(t, 200, []byte("content"))
}

// Thousands of connections that never finish their head cost their time and no more:
// others are served meanwhile.
func TestDropManySlowHeads(t *testing.T) {
	t.Parallel()
	r := startDrop(t, func(_ *harness.Config, d harness.Table) { d["header_timeout"] = "3s" })
	r.file(t, "a", []byte("content"))
	n := 2000
	if testing.Short() {
		n = 200
	}
	for range n {
		r.client(t).say(t, "GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("y", 1000))
	}
	before := r.AnonBytes(t)
	c := r.client(t)
	for range 100 {
		c.fetch(t, "/a").want(t, 200, []byte("content"))
	}
	if grown := r.AnonBytes(t) - before; grown > 16<<20 && !harness.Race {
		t.Errorf("memory has grown by %d bytes", grown)
	}
	harness.Eventually(t, "the slow ones are gone", func() (bool, any) {
		sockets := r.Descriptors(t)["socket"]
		return sockets <= 2, sockets
	})
}

// A head that does not fit into the socket is taken out of it part by part.
//
// It runs alone: the thread of a namespace ends with its test, and takes with it the
// programs that other tests have started from it before.
func TestDropHeadBiggerThanTheSocket(t *testing.T) {
	n := harness.NewNamespace(t)
	must(t, "small receive buffers", n.Do(func() error {
		return os.WriteFile("/proc/sys/net/ipv4/tcp_rmem", []byte("4096 4096 4096"), 0)
	}))
	r := startDrop(t, func(_ *harness.Config, d harness.Table) { d["header_timeout"] = "15s" }, harness.Options{Namespace: n})
	var c *peer.Conn
	must(t, "dial", n.Do(func() (err error) { c, err = peer.Dial(r.Address(t, "files")); return err }))
	defer c.Close()
	start := time.Now()
	go func() { _, _ = io.WriteString(c, get("/a", "X: "+strings.Repeat("y", 15<<10))) }()
	a := (&client{c, bufio.NewReader(c)}).hear(t, "GET")
	if a.StatusCode != 404 || a.Close {
		t.Errorf("status %d, close %v; want 404", a.StatusCode, a.Close)
	}
	within(t, "the answer", start, 0, 10*time.Second)
	// One that grows slowly and would fit is waited for.
	must(t, "dial", n.Do(func() (err error) { c, err = peer.Dial(r.Address(t, "files")); return err }))
	defer c.Close()
	slow := &client{c, bufio.NewReader(c)}
	for _, piece := range []string{"GET / HT", "TP/1.1\r\nHost: a\r\n", "\r\n"} {
		slow.say(t, piece)
		time.Sleep(400 * time.Millisecond) // it is looked at meanwhile
	}
	if a := slow.hear(t, "GET"); a.StatusCode != 200 {
		t.Errorf("status %d, want 200", a.StatusCode)
	}
}

// deny, sessions_max: the connection is reset, and the log says why.
func TestDropAdmission(t *testing.T) {
	t.Parallel()
	r := startDrop(t, func(_ *harness.Config, d harness.Table) {
		d["deny"], d["sessions_max"] = []string{"127.0.0.2"}, 2
	})
	refused := func(from, reason string) {
		t.Helper()
		// A reset may be faster than the dial.
		if c, err := peer.DialFrom(from, r.Address(t, "files")); err == nil {
			defer c.Close()
		}
		r.Line(t, "a connection refused: "+reason, func(l harness.Line) bool {
			q, ok := requestOf(l)
			return ok && q.Reason == reason && q.Status == 0 && q.Client != ""
		})
	}
	refused("127.0.0.2:0", "denied")
	one, two := r.client(t), r.client(t)
	one.fetch(t, "/none")
	two.fetch(t, "/none")
	refused("", "sessions_max")
	one.Close()
	harness.Eventually(t, "a place is free", func() (bool, any) {
		c, err := peer.Dial(r.Address(t, "files"))
		if err != nil {
			return false, err
		}
		defer c.Close()
		if _, err := io.WriteString(c, get("/none")); err != nil {
			return false, err
		}
		_, err = (&client{c, bufio.NewReader(c)}).tryHear("GET")
		return err == nil, err
	})
}

// Random bytes, heads that were damaged at random: never a crash, never a hang, and the
// next client is served.
func TestDropGarbage(t *testing.T) {
	t.Parallel()
	r := startDrop(t, func(_ *harness.Config, d harness.Table) { d["header_timeout"] = "500ms" })
	r.file(t, "a", []byte("content"))
	var all sync.WaitGroup
	for i := range 200 {
		c := r.client(t)
		all.Go(func() {
			request := []byte(get("/a", "Range: bytes=0-1", "If-None-Match: \"x\"", "Connection: keep-alive"))
			noise := bytesOf(uint64(i), 64)
			for k := 0; k < 1+i%8; k++ {
				request[int(noise[2*k])*len(request)/256] = noise[2*k+1]
			}
			_, _ = c.Write(append(request, noise...))
			_ = c.CloseWrite()
			_, _ = io.Copy(io.Discard, c.in)
			c.Close()
		})
	}
	all.Wait()
	r.fetch(t, "/a").want(t, 200, []byte("content"))
}

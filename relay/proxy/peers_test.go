package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// conn is what TCP and unix connections have in common.
type conn interface {
	net.Conn
	CloseWrite() error
}

// pair is the two peers of one session.
type pair struct {
	client, backend conn
}

// dial makes a client.
func (r *rig) dial(small bool) conn {
	r.t.Helper()
	network, at := "tcp", r.address
	if path, isUnix := strings.CutPrefix(r.address, "unix:"); isUnix {
		network, at = "unix", path
	}
	c, err := (&net.Dialer{Control: buffers(small)}).Dial(network, at)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(conn)
}

// accept is the next connection of backend i.
func (r *rig) accept(i int) conn {
	r.t.Helper()
	l := r.backends[i].(interface{ SetDeadline(time.Time) error })
	l.SetDeadline(time.Now().Add(patience))
	c, err := r.backends[i].Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(conn)
}

// session opens one.
func (r *rig) session(s shape) pair {
	r.t.Helper()
	c := r.dial(s.small)
	return pair{c, r.accept(0)}
}

// begin starts a rig and opens one session.
func (s shape) begin(t *testing.T) (*rig, pair) {
	t.Helper()
	r := s.start(t)
	return r, r.session(s)
}

// reset closes a TCP connection so that its peer sees a reset.
func reset(c conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// ping sends a few bytes each way: the session lives.
func (p pair) ping(t *testing.T) {
	t.Helper()
	for _, way := range [][2]conn{{p.client, p.backend}, {p.backend, p.client}} {
		write(t, way[0], []byte("ping"))
		wantRead(t, way[1], []byte("ping"))
	}
}

func write(t *testing.T, c conn, p []byte) {
	t.Helper()
	if _, err := c.Write(p); err != nil {
		t.Fatal(err)
	}
}

func closeWrite(t *testing.T, c conn) {
	t.Helper()
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

func wantRead(t *testing.T, c conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes of %d, the same: %v, %v", n, len(want), bytes.Equal(got[:n], want[:n]), err)
	}
}

// wantEnd reads on to a clean end, after exactly the bytes that are still to come.
func wantEnd(t *testing.T, c conn, want []byte) {
	t.Helper()
	wantRead(t, c, want)
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after %d bytes: %d more, %v; want the end", len(want), n, err)
	}
}

// wantReset reads on to a reset, after exactly the bytes that are still to come.
func wantReset(t *testing.T, c conn, want []byte) {
	t.Helper()
	wantRead(t, c, want)
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("after %d bytes: %d more, %v; want a reset", len(want), n, err)
	}
}

// pattern is what streams are made of; its length is prime.
var pattern = func() []byte {
	p := make([]byte, 1_000_003)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range p {
		p[i] = byte(random.Uint32())
	}
	return append(p, p...)
}()

// piece is n bytes of a stream from an offset; n is at most the pattern's length.
func piece(stream int, offset int64, n int) []byte {
	at := (offset + int64(stream)*333_333) % int64(len(pattern)/2)
	return pattern[at : at+int64(n)]
}

// stream is n bytes of a stream, from its beginning.
func stream(which, n int) []byte {
	all := make([]byte, 0, n)
	for len(all) < n {
		all = append(all, piece(which, int64(len(all)), min(n-len(all), 1_000_000))...)
	}
	return all
}

// speak sends a stream in pieces of random size, and its end.
func speak(c conn, which int, total int64, random *rand.Rand) error {
	for sent := int64(0); sent < total; {
		n, err := c.Write(piece(which, sent, int(min(total-sent, 1+random.Int64N(100_000)))))
		if err != nil {
			return fmt.Errorf("stream %d after %d bytes: %w", which, sent, err)
		}
		sent += int64(n)
	}
	return c.CloseWrite()
}

// hear reads a stream to its end and compares. Between reads it rests.
func hear(c conn, which int, total int64, rest time.Duration) error {
	buf := make([]byte, 64<<10)
	for got := int64(0); ; {
		n, err := c.Read(buf)
		if !bytes.Equal(buf[:n], piece(which, got, n)) {
			return fmt.Errorf("stream %d is wrong from byte %d on, or within %d after it", which, got, n)
		}
		got += int64(n)
		if err != nil {
			if err == io.EOF && got == total {
				return nil
			}
			return fmt.Errorf("stream %d of %d bytes ended after %d: %w", which, total, got, err)
		}
		time.Sleep(rest) // how slow this reader is; 0 = not
	}
}

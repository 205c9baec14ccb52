package test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"relay/test/harness"
	"relay/test/peer"
)

// trusting is a rig whose listener takes PROXY headers from 127.0.0.2, and must have
// them.
func trusting(t *testing.T, edit ...func(*harness.Config)) *rig {
	t.Helper()
	return setup{edit: func(c *harness.Config) {
		c.Listener()["accept_proxy_from"] = []string{"127.0.0.2"}
		for _, f := range edit {
			f(c)
		}
	}}.start(t)
}

// viaProxy connects as the peer that must send a header.
func (r *rig) viaProxy(t *testing.T) *peer.Conn {
	t.Helper()
	return r.dialFrom(t, "127.0.0.2:0", r.Address(t, "web"))
}

// headerFor is a PROXY header that names this client.
func headerFor(t testing.TB, version byte, client string, tlvs ...proxyproto.TLV) []byte {
	t.Helper()
	source, err := net.ResolveTCPAddr("tcp", client)
	if err != nil {
		t.Fatal(err)
	}
	h := proxyproto.HeaderProxyFromAddrs(version, source, &net.TCPAddr{IP: net.IPv4(198, 51, 100, 9), Port: 443})
	if err := h.SetTLVs(tlvs); err != nil {
		t.Fatal(err)
	}
	b, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, c *peer.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// wantText reads exactly this.
func wantText(t testing.TB, c *peer.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if n, err := readFull(c, b); string(b[:n]) != want {
		t.Fatalf("got %q (%v), want %q", b[:n], err, want)
	}
}

// The header is taken off, to the byte, and the log knows the client that it named.
func TestProxyHeaderNamesTheClient(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	for i, version := range []byte{1, 2} {
		client := fmt.Sprintf("203.0.113.7:%d", 4000+i)
		c := r.viaProxy(t)
		write(t, c, append(headerFor(t, version, client), "hello"...))
		b := r.accept(t, 0)
		wantText(t, b, "hello")
		p := pair{c, b}
		p.ping(t)
		c.Close()
		b.Close()
		s := r.Session(t, client)
		line := r.Line(t, "the session", func(l harness.Line) bool { return strings.Contains(l.Raw, client) })
		if s.Reason != "complete" || s.BytesUp != 9 || line.Field("peer") != c.LocalAddr().String() {
			t.Errorf("%s", line.Raw)
		}
	}
}

// A header may come byte by byte, and what follows it with any of its segments.
func TestProxyHeaderSplitAnywhere(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	header := headerFor(t, 2, "203.0.113.8:1", proxyproto.TLV{Type: 0xe0, Value: []byte("mine")})
	for cut := 1; cut < len(header); cut++ {
		c := r.viaProxy(t)
		write(t, c, header[:cut])
		if cut%7 == 0 {
			time.Sleep(2 * time.Millisecond) // often enough for the loop to see it by itself
		}
		write(t, c, append(header[cut:len(header):len(header)], byte(cut)))
		b := r.accept(t, 0)
		wantText(t, b, string([]byte{byte(cut)}))
		c.Close()
		b.Close()
	}
}

// Bulk goes on right behind the header.
func TestProxyHeaderThenBulk(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	c := r.viaProxy(t)
	write(t, c, headerFor(t, 1, "203.0.113.9:1"))
	p := pair{c, r.accept(t, 0)}
	if err := p.carry(bulk(1, 8<<20), bulk(2, 8<<20)); err != nil {
		t.Error(err)
	}
}

// From anybody else a header is data.
func TestProxyHeaderFromOthersIsData(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	header := string(headerFor(t, 1, "203.0.113.10:1"))
	c := r.dial(t)
	write(t, c, []byte(header))
	wantText(t, r.accept(t, 0), header)
}

// LOCAL and UNKNOWN leave the peer as the client.
func TestProxyHeaderWithoutAddresses(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	for _, header := range []string{
		"PROXY UNKNOWN\r\n",
		"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x00\x00\x00",
	} {
		c := r.viaProxy(t)
		write(t, c, []byte(header+"x"))
		b := r.accept(t, 0)
		wantText(t, b, "x")
		c.Close()
		b.Close()
		r.wantReason(t, c, "complete")
	}
}

// What is not a header ends the session with a reason, and nobody else's.
func TestBadProxyHeader(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	bystander := r.open(t)
	sum := headerFor(t, 2, "203.0.113.11:1", proxyproto.TLV{Type: proxyproto.PP2_TYPE_CRC32C, Value: []byte("none")})
	long := headerFor(t, 2, "203.0.113.11:1", proxyproto.TLV{Type: 0xe0, Value: make([]byte, 4096)})
	for what, tc := range map[string]struct{ sent, words string }{
		"none":             {"GET / HTTP/1.1\r\n\r\n", "no PROXY header"},
		"a bad line":       {"PROXY TCP4 here there 1 2\r\n", "malformed"},
		"an endless line":  {"PROXY TCP4 " + strings.Repeat("1", 300), "107 bytes"},
		"a wrong checksum": {string(sum), "CRC32C"},
		"too long":         {string(long), "longer than 4096"},
	} {
		t.Run(what, func(t *testing.T) {
			c := r.viaProxy(t)
			write(t, c, []byte(tc.sent))
			wantCutOff(t, c)
			s := r.wantReason(t, c, "bad_proxy_header")
			if !strings.Contains(s.Error, tc.words) {
				t.Errorf("error %q, want something about %q", s.Error, tc.words)
			}
		})
	}
	t.Run("half and FIN", func(t *testing.T) {
		c := r.viaProxy(t)
		write(t, c, []byte("PROXY TCP4 203"))
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		wantCutOff(t, c)
		r.wantReason(t, c, "bad_proxy_header")
	})
	bystander.ping(t)
}

// A peer that owes a header and keeps silent is let go at header_timeout, and one that
// drips it too.
func TestProxyHeaderTimeout(t *testing.T) {
	t.Parallel()
	r := trusting(t, func(c *harness.Config) { c.Listener()["header_timeout"] = "500ms" })
	start := time.Now()
	silent, dripping := r.viaProxy(t), r.viaProxy(t)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for _, b := range []byte("PROXY TCP4 203.0.113.12 203.0.113.13 1 2\r\n") {
			select {
			case <-stop:
				return
			case <-time.After(40 * time.Millisecond):
				_, _ = dripping.Write([]byte{b}) // it will be cut off
			}
		}
	}()
	for _, c := range []*peer.Conn{silent, dripping} {
		wantCutOff(t, c)
		r.wantReason(t, c, "header_timeout")
	}
	within(t, "header_timeout", start, 490*time.Millisecond, late)
}

// allow and deny are about the peer, routes by source about the client it names.
func TestProxyHeaderAndRules(t *testing.T) {
	t.Parallel()
	r := setup{backends: []string{"127.0.0.1:0", "127.0.0.1:0"}, edit: func(c *harness.Config) {
		second := c.Backend(1)
		c.Upstream()["backend"] = []harness.Table{c.Backend(0)}
		c.Upstreams = append(c.Upstreams, harness.Table{"name": "office", "backend": []harness.Table{second}})
		c.Listener()["accept_proxy_from"] = []string{"127.0.0.0/8"}
		c.Listener()["allow"] = []string{"127.0.0.2"}
		c.Listener()["route"] = []harness.Table{{"source": []string{"203.0.113.0/24"}, "upstream": "office"}}
	}}.start(t)
	r.wantRefused(t, "127.0.0.3:0", r.Address(t, "web"), "denied")
	for i, client := range []string{"198.51.100.1:1", "203.0.113.1:1"} {
		c := r.viaProxy(t)
		write(t, c, append(headerFor(t, 2, client), "hi"...))
		wantText(t, r.accept(t, i), "hi")
	}
}

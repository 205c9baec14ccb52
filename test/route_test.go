package test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"relay/test/harness"
	"relay/test/peer"
)

// certificate is one for any name, that nobody need trust.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// routed is a rig with three upstreams: "web", where sessions go that no route matches,
// "names" for *.example.org and example.net, and "h2" for clients that offer h2. Behind
// each is a server that says its upstream's name: over TLS where TLS was asked for.
func routed(t *testing.T, edit ...func(*harness.Config)) *rig {
	t.Helper()
	cert := certificate(t)
	says := func(word string) string {
		return serve(t, "127.0.0.1:0", func(c *peer.Conn) { sayWord(c, word, cert) }).Address
	}
	return setup{edit: func(c *harness.Config) {
		c.SetBackends(says("web"))
		for _, name := range []string{"names", "h2"} {
			c.Upstreams = append(c.Upstreams, harness.Table{"name": name, "backend": []harness.Table{{"address": says(name)}}})
		}
		c.Listener()["route"] = []harness.Table{
			{"sni": []string{"*.example.org", "example.net"}, "upstream": "names"},
			{"alpn": []string{"h2"}, "upstream": "h2"},
		}
		for _, f := range edit {
			f(c)
		}
	}}.start(t)
}

// sayWord says a word to a client that has said anything, in the way it speaks.
func sayWord(c *peer.Conn, word string, cert tls.Certificate) {
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil {
		return
	}
	seen := prefixed{c.Conn, io.MultiReader(bytes.NewReader(first), c)}
	var conn net.Conn = seen
	if first[0] == 22 {
		conn = tls.Server(seen, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}})
	}
	_, _ = conn.Write([]byte(word)) // the client says what it got
	conn.Close()
}

// prefixed is a connection of which something was read already.
type prefixed struct {
	net.Conn
	all io.Reader
}

func (p prefixed) Read(b []byte) (int, error) { return p.all.Read(b) }

// askTLS makes a TLS connection through the listener and returns what it is told.
func (r *rig) askTLS(t testing.TB, c net.Conn, name string, protocols ...string) string {
	t.Helper()
	conn := tls.Client(c, &tls.Config{ServerName: name, NextProtos: protocols, InsecureSkipVerify: true})
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("%s %v: %v; the log ends with:\n%s", name, protocols, err, r.Journal.Tail(5))
	}
	return string(got)
}

func TestRouteByServerName(t *testing.T) {
	t.Parallel()
	r := routed(t)
	for _, tc := range []struct {
		name      string
		protocols []string
		want      string
	}{
		{"a.example.org", nil, "names"},
		{"A.B.EXAMPLE.ORG", []string{"h2"}, "names"},
		{"example.net", nil, "names"},
		{"example.org", nil, "web"},
		{"www.example.net", nil, "web"},
		{"example.com", []string{"http/1.1", "h2"}, "h2"},
		{"example.com", []string{"http/1.1"}, "web"},
		{"127.0.0.1", nil, "web"}, // an address is no server name
	} {
		c := r.dial(t)
		if got := r.askTLS(t, c.Conn, tc.name, tc.protocols...); got != tc.want {
			t.Errorf("%s %v went to %q, want %q", tc.name, tc.protocols, got, tc.want)
		}
		c.Close()
		if s := r.Session(t, c.LocalAddr().String()); s.Upstream != tc.want || s.Reason != "complete" {
			t.Errorf("%s %v: %+v", tc.name, tc.protocols, s)
		}
	}
}

// pieces cuts what is written into small writes, each a segment of its own.
type pieces struct {
	net.Conn
	size  int
	every time.Duration
}

func (p pieces) Write(b []byte) (int, error) {
	for piece := range slices.Chunk(b, p.size) {
		if _, err := p.Conn.Write(piece); err != nil {
			return 0, err
		}
		time.Sleep(p.every)
	}
	return len(b), nil
}

// records cuts TLS records into smaller ones, as a client may.
type records struct {
	net.Conn
	size int
}

func (r records) Write(b []byte) (int, error) {
	var cut []byte
	for rest := b; len(rest) > 0; {
		n := 5 + int(rest[3])<<8 + int(rest[4])
		if rest[0] == 22 && rest[5] == 1 { // only the ClientHello is in the clear
			for part := range slices.Chunk(rest[5:n], r.size) {
				cut = append(append(cut, rest[0], rest[1], rest[2], 0, byte(len(part))), part...)
			}
		} else {
			cut = append(cut, rest[:n]...)
		}
		rest = rest[n:]
	}
	if _, err := r.Conn.Write(cut); err != nil {
		return 0, err
	}
	return len(b), nil
}

// A ClientHello in many segments, in many records, and in both.
func TestRouteByHelloInPieces(t *testing.T) {
	t.Parallel()
	r := routed(t)
	for what, cut := range map[string]func(net.Conn) net.Conn{
		"segments of a byte":             func(c net.Conn) net.Conn { return pieces{c, 1, 0} },
		"segments of 100, now and then":  func(c net.Conn) net.Conn { return pieces{c, 100, 5 * time.Millisecond} },
		"records of 20":                  func(c net.Conn) net.Conn { return records{c, 20} },
		"records of 7 in segments of 11": func(c net.Conn) net.Conn { return records{pieces{c, 11, time.Millisecond}, 7} },
	} {
		t.Run(what, func(t *testing.T) {
			if got := r.askTLS(t, cut(r.dial(t).Conn), "a.example.org"); got != "names" {
				t.Errorf("went to %q", got)
			}
		})
	}
}

// Clients that do not speak TLS go to the listener's upstream at once.
func TestRouteOfOtherProtocols(t *testing.T) {
	t.Parallel()
	r := routed(t, func(c *harness.Config) { c.Listener()["header_timeout"] = "1h" })
	for what, said := range map[string]string{
		"HTTP":            "GET / HTTP/1.1\r\n\r\n",
		"ssh":             "SSH-2.0-test\r\n",
		"an alert":        "\x15\x03\x01\x00\x02\x01\x00",
		"half and FIN":    "\x16\x03\x01\x02\x00\x01\x00",
		"a huge hello":    "\x16\x03\x01\x40\x00\x01\x00\xff\xff",
		"broken TLS":      "\x16\x03\x01\x00\x08\x01\x00\x00\x04\x03\x03\x00\x00",
		"no client hello": "\x16\x03\x01\x00\x04\x02\x00\x00\x00",
	} {
		t.Run(what, func(t *testing.T) {
			c := r.dial(t)
			write(t, c, []byte(said))
			if what == "half and FIN" {
				if err := c.CloseWrite(); err != nil {
					t.Fatal(err)
				}
			}
			if said[0] != 22 { // who speaks TLS wants a server that does
				wantText(t, c, "web")
			}
			c.Close()
			if s := r.SessionWhere(t, what, func(s harness.Session) bool { return s.Client == c.LocalAddr().String() }); s.Upstream != "web" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A client that says nothing takes the default route at header_timeout, and what it
// says then arrives.
func TestRouteOfASilentClient(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) {
		c.Listener()["header_timeout"] = "300ms"
		c.Upstreams = append(c.Upstreams, harness.Table{"name": "other", "backend": []harness.Table{{"address": "127.0.0.1:1"}}})
		c.Listener()["route"] = []harness.Table{{"sni": []string{"example.org"}, "upstream": "other"}}
	}}.start(t)
	start := time.Now()
	p := r.open(t)
	within(t, "the default route", start, 290*time.Millisecond, late)
	p.ping(t)
}

// Where sources decide, a server may speak first: nobody waits for the client.
func TestRouteBySourceDoesNotWait(t *testing.T) {
	t.Parallel()
	first := serve(t, "127.0.0.1:0", func(c *peer.Conn) { _, _ = c.Write([]byte("hello from office")) })
	r := setup{edit: func(c *harness.Config) {
		c.Listener()["header_timeout"] = "1h"
		c.Upstreams = append(c.Upstreams, harness.Table{"name": "office", "backend": []harness.Table{{"address": first.Address}}})
		c.Listener()["route"] = []harness.Table{
			{"source": []string{"127.0.0.4"}, "upstream": "office"},
			{"source": []string{"127.0.0.5"}, "sni": []string{"example.org"}, "upstream": "office"},
		}
	}}.start(t)
	wantText(t, r.dialFrom(t, "127.0.0.4:0", r.Address(t, "web")), "hello from office")
	c := r.dial(t)
	b := r.accept(t, 0)
	write(t, b, []byte("web speaks first"))
	wantText(t, c, "web speaks first")
}

// A client that resets while it is looked at ends its session.
func TestRouteOfAClientThatResets(t *testing.T) {
	t.Parallel()
	r := routed(t)
	c := r.dial(t)
	write(t, c, []byte{22, 3, 1})
	if err := c.Reset(); err != nil {
		t.Fatal(err)
	}
	r.wantReason(t, c, "client_reset")
}

// A PROXY header and a ClientHello in one segment, and the backend hears of both.
func TestRouteBehindAProxy(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) {
		c.Listener()["accept_proxy_from"] = []string{"127.0.0.2"}
		c.Listener()["route"] = []harness.Table{{"sni": []string{"*.example.org"}, "upstream": "web"}}
		c.Upstream()["send_proxy"] = "v2"
	}}.start(t)
	c := r.viaProxy(t)
	write(t, c, headerFor(t, 1, "203.0.113.30:30"))
	go func() {
		_ = tls.Client(c.Conn, &tls.Config{ServerName: "a.example.org", NextProtos: []string{"h2"}}).Handshake()
	}()
	h, _, rest := readHeader(t, r.accept(t, 0))
	tlvs := tlvsOf(t, h)
	if h.SourceAddr.String() != "203.0.113.30:30" || tlvs[1] != "h2" || tlvs[2] != "a.example.org" {
		t.Errorf("%v, %q", h.SourceAddr, tlvs)
	}
	if b, err := rest.ReadByte(); b != 22 {
		t.Errorf("then %d, %v, want a TLS record", b, err)
	}
}

// A ClientHello full of a name that can be nobody's asks for nothing, and neither the
// PROXY header nor the first segment to the backend bursts with it.
func TestRouteOfAHugeName(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) {
		c.Upstream()["send_proxy"] = "v2"
		c.Upstream()["fast_open"] = true
		c.Listener()["route"] = []harness.Table{{"sni": []string{"*.example.org"}, "upstream": "web"}}
	}}.start(t)
	c := r.dial(t)
	go func() {
		_ = tls.Client(c.Conn, &tls.Config{
			ServerName: strings.Repeat("a", 15500) + ".example.org", CurvePreferences: []tls.CurveID{tls.X25519},
		}).Handshake()
	}()
	backend := r.accept(t, 0)
	h, raw, rest := readHeader(t, backend)
	if name, ok := tlvsOf(t, h)[proxyproto.PP2_TYPE_AUTHORITY]; ok || len(raw) > 256 {
		t.Errorf("a header of %d bytes, with a name of %d", len(raw), len(name))
	}
	if b, err := rest.ReadByte(); b != 22 {
		t.Errorf("then %d, %v, want a TLS record", b, err)
	}
	c.Close()
	backend.Close()
	if line := r.Line(t, "the session", func(l harness.Line) bool { return l.Message == "session" }); line.Field("sni") != nil {
		t.Errorf("the log has a name: %v", line)
	}
}

package test

import (
	"bufio"
	"bytes"
	"hash/crc32"
	"net"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"relay/test/harness"
	"relay/test/peer"
)

// announcing is a rig whose backend is told who calls.
func announcing(t *testing.T, version string, edit ...func(*harness.Config)) *rig {
	t.Helper()
	return setup{edit: func(c *harness.Config) {
		c.Upstream()["send_proxy"] = version
		for _, f := range edit {
			f(c)
		}
	}}.start(t)
}

// readHeader reads what the backend is told; raw is every byte of it.
func readHeader(t testing.TB, c *peer.Conn) (h *proxyproto.Header, raw []byte, rest *bufio.Reader) {
	t.Helper()
	var all bytes.Buffer
	rest = bufio.NewReader(readsInto{c, &all})
	h, err := proxyproto.Read(rest)
	if err != nil {
		t.Fatalf("%v in %q", err, all.Bytes())
	}
	return h, all.Bytes()[:all.Len()-rest.Buffered()], rest
}

// readsInto keeps what is read.
type readsInto struct {
	c   *peer.Conn
	all *bytes.Buffer
}

func (r readsInto) Read(b []byte) (int, error) {
	n, err := r.c.Read(b)
	r.all.Write(b[:n])
	return n, err
}

func tlvsOf(t testing.TB, h *proxyproto.Header) map[proxyproto.PP2Type]string {
	t.Helper()
	all, err := h.TLVs()
	if err != nil {
		t.Fatal(err)
	}
	m := map[proxyproto.PP2Type]string{}
	for _, tlv := range all {
		m[tlv.Type] = string(tlv.Value)
	}
	return m
}

// checkSum computes the CRC32C of a version 2 header that carries one, by hand.
func checkSum(t testing.TB, raw []byte, carried string) {
	t.Helper()
	zeroed := bytes.Replace(raw, []byte("\x03\x00\x04"+carried), []byte("\x03\x00\x04\x00\x00\x00\x00"), 1)
	sum := crc32.Checksum(zeroed, crc32.MakeTable(crc32.Castagnoli))
	if got := string([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}); got != carried || bytes.Equal(zeroed, raw) {
		t.Errorf("CRC32C %x, want %x", carried, got)
	}
}

// The backend reads the addresses first, and then what the client sends.
func TestSendProxy(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			r := announcing(t, version)
			c := r.dial(t)
			b := r.accept(t, 0)
			h, raw, rest := readHeader(t, b) // the client has not said anything
			if h.SourceAddr.String() != c.LocalAddr().String() || h.DestinationAddr.String() != r.Address(t, "web") {
				t.Errorf("%v → %v, want %v → %v", h.SourceAddr, h.DestinationAddr, c.LocalAddr(), r.Address(t, "web"))
			}
			write(t, c, []byte("word\n"))
			if line, err := rest.ReadString('\n'); line != "word\n" {
				t.Fatalf("then %q, %v", line, err)
			}
			c.Close()
			b.Close()
			s := r.wantReason(t, c, "complete")
			if s.BytesUp != 5 {
				t.Errorf("%d bytes up, want those of the client only, 5", s.BytesUp)
			}
			if version == "v2" {
				tlvs := tlvsOf(t, h)
				checkSum(t, raw, tlvs[proxyproto.PP2_TYPE_CRC32C])
				line := r.Line(t, "the session", func(l harness.Line) bool { return l.Message == "session" })
				if id := tlvs[proxyproto.PP2_TYPE_UNIQUE_ID]; len(id) != 32 || line.Field("id") != id {
					t.Errorf("unique id %q, in the log %v", id, line.Field("id"))
				}
			}
		})
	}
}

// Clients over IPv6 and from a unix socket.
func TestSendProxyOfOtherFamilies(t *testing.T) {
	t.Parallel()
	r := setup{listen: "[::1]:0", edit: func(c *harness.Config) { c.Upstream()["send_proxy"] = "v2" }}.start(t)
	c := r.dial(t)
	if h, _, _ := readHeader(t, r.accept(t, 0)); h.TransportProtocol != proxyproto.TCPv6 || h.SourceAddr.String() != c.LocalAddr().String() {
		t.Errorf("%+v", h)
	}
	for version, want := range map[string]string{"v1": "PROXY UNKNOWN\r\n", "v2": "\r\n\r\n\x00\r\nQUIT\n\x21\x00\x00"} {
		u := setup{listen: "unix", edit: func(c *harness.Config) { c.Upstream()["send_proxy"] = version }}.start(t)
		u.dial(t)
		wantText(t, u.accept(t, 0), want)
	}
}

// What one proxy said, the next backend hears too: addresses, TLVs, unique id.
func TestSendProxyPassesOn(t *testing.T) {
	t.Parallel()
	r := trusting(t, func(c *harness.Config) { c.Upstream()["send_proxy"] = "v2" })
	c := r.viaProxy(t)
	write(t, c, headerFor(t, 2, "203.0.113.20:2020",
		proxyproto.TLV{Type: proxyproto.PP2_TYPE_AUTHORITY, Value: []byte("first.example")},
		proxyproto.TLV{Type: proxyproto.PP2_TYPE_UNIQUE_ID, Value: []byte("from the edge")},
		proxyproto.TLV{Type: 0xe5, Value: []byte("vendor")}))
	h, _, _ := readHeader(t, r.accept(t, 0))
	tlvs := tlvsOf(t, h)
	if h.SourceAddr.String() != "203.0.113.20:2020" || h.DestinationAddr.String() != "198.51.100.9:443" ||
		tlvs[proxyproto.PP2_TYPE_AUTHORITY] != "first.example" || tlvs[proxyproto.PP2_TYPE_UNIQUE_ID] != "from the edge" || tlvs[0xe5] != "vendor" {
		t.Errorf("%v → %v, %q", h.SourceAddr, h.DestinationAddr, tlvs)
	}
}

// A backend that refuses costs nothing but the time: the next one hears the header.
func TestSendProxyAfterARetry(t *testing.T) {
	t.Parallel()
	dead, err := peer.NewRefusing()
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	r := announcing(t, "v1", func(c *harness.Config) {
		c.SetBackends(dead.Address, c.Backend(0)["address"].(string))
	})
	for range 4 {
		c := r.dial(t)
		if h, _, _ := readHeader(t, r.accept(t, 0)); h.SourceAddr.String() != c.LocalAddr().String() {
			t.Errorf("%v, want %v", h.SourceAddr, c.LocalAddr())
		}
	}
}

// A header that is larger than the send buffer arrives whole, and so does what follows.
func TestSendProxyIntoATinyBuffer(t *testing.T) {
	t.Parallel()
	r := trusting(t, func(c *harness.Config) {
		c.Upstream()["send_proxy"] = "v2"
		c.Upstream()["send_buffer"] = 1
	})
	value := strings.Repeat("v", 4000)
	c := r.viaProxy(t)
	write(t, c, append(headerFor(t, 2, "203.0.113.21:1", proxyproto.TLV{Type: 0xe5, Value: []byte(value)}), "behind\n"...))
	h, raw, rest := readHeader(t, r.accept(t, 0))
	tlvs := tlvsOf(t, h)
	checkSum(t, raw, tlvs[proxyproto.PP2_TYPE_CRC32C])
	if tlvs[0xe5] != value {
		t.Error("another value")
	}
	if line, err := rest.ReadString('\n'); line != "behind\n" {
		t.Errorf("then %q, %v", line, err)
	}
}

// A relay in front of a relay: the last backend sees the first client.
func TestProxyChain(t *testing.T) {
	t.Parallel()
	inner := setup{edit: func(c *harness.Config) {
		c.Listener()["accept_proxy_from"] = []string{"127.0.0.0/8"}
		c.Upstream()["send_proxy"] = "v1"
	}}.start(t)
	outer := announcing(t, "v2", func(c *harness.Config) { c.SetBackends(inner.Address(t, "web")) })
	c := outer.dial(t)
	b := inner.accept(t, 0)
	h, _, _ := readHeader(t, b)
	if h.SourceAddr.String() != c.LocalAddr().String() {
		t.Errorf("the backend sees %v, the client is %v", h.SourceAddr, c.LocalAddr())
	}
	if host, _, _ := net.SplitHostPort(h.DestinationAddr.String()); host != "127.0.0.1" {
		t.Errorf("destination %v", h.DestinationAddr)
	}
	c.Close() // before either program is looked at for leaks
	b.Close()
	outer.wantReason(t, c, "complete")
}

package listen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

const signature = "\r\n\r\n\x00\r\nQUIT\n"

// v2 builds a version 2 header from its parts.
func v2(command, family byte, rest ...byte) []byte {
	b := append([]byte(signature), command, family, 0, 0)
	binary.BigEndian.PutUint16(b[v2Length:], uint16(len(rest)))
	return append(b, rest...)
}

func tlv(kind proxyproto.PP2Type, value string) []byte {
	return append([]byte{byte(kind), byte(len(value) >> 8), byte(len(value))}, value...)
}

var (
	addresses4 = []byte{192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xbb}
	addresses6 = append(append(netip.MustParseAddr("2001:db8::1").AsSlice(), netip.MustParseAddr("2001:db8::2").AsSlice()...), 0x30, 0x39, 0x01, 0xbb)
)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// sealed is the header with a right checksum in it.
func sealed(b []byte) []byte {
	b = bytes.Clone(b)
	Seal(b)
	return b
}

var goodHeaders = []struct {
	name, source, destination string // "" = the header does not say
	header                    []byte
	tlvs                      int
}{
	{"v1 TCP4", "192.0.2.1:12345", "198.51.100.2:443", []byte("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"), 0},
	{"v1 TCP6", "[2001:db8::1]:12345", "[2001:db8::2]:443", []byte("PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n"), 0},
	{"v1 UNKNOWN", "", "", []byte("PROXY UNKNOWN\r\n"), 0},
	{"v1 UNKNOWN with more", "", "", []byte("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), 0},
	{"v2 IPv4", "192.0.2.1:12345", "198.51.100.2:443", v2(0x21, 0x11, addresses4...), 0},
	{"v2 IPv6", "[2001:db8::1]:12345", "[2001:db8::2]:443", v2(0x21, 0x21, addresses6...), 0},
	{"v2 datagrams", "", "", v2(0x21, 0x12, addresses4...), 0},
	{"v2 unix", "", "", v2(0x21, 0x31, make([]byte, 216)...), 0},
	{"v2 UNSPEC", "", "", v2(0x21, 0x00), 0},
	{"v2 UNSPEC with TLVs", "", "", v2(0x21, 0x00, tlv(proxyproto.PP2_TYPE_AUTHORITY, "a.example")...), 1},
	{"v2 LOCAL", "", "", v2(0x20, 0x00), 0},
	{"v2 LOCAL with addresses", "", "", v2(0x20, 0x11, addresses4...), 0},
	{"v2 LOCAL with anything", "", "", v2(0x20, 0x00, 1, 2, 3, 4, 5), 0},
	{"v2 TLVs", "192.0.2.1:12345", "198.51.100.2:443", v2(0x21, 0x11, join(addresses4,
		tlv(proxyproto.PP2_TYPE_NOOP, "xx"), tlv(proxyproto.PP2_TYPE_AUTHORITY, "a.example"), tlv(0xe0, "mine"))...), 2},
	{"v2 CRC32C", "192.0.2.1:12345", "198.51.100.2:443", sealed(v2(0x21, 0x11, join(addresses4,
		tlv(proxyproto.PP2_TYPE_AUTHORITY, "a.example"), tlv(proxyproto.PP2_TYPE_CRC32C, "0000"), tlv(0xe0, "mine"))...)), 2},
	{"v2 UNSPEC with CRC32C", "", "", sealed(v2(0x21, 0x00, tlv(proxyproto.PP2_TYPE_CRC32C, "0000")...)), 0},
	{"v2 as long as may be", "192.0.2.1:12345", "198.51.100.2:443", v2(0x21, 0x11, join(addresses4, tlv(0xe0, strings.Repeat("x", HeaderMost-v2Fixed-12-tlvHead)))...), 1},
}

func TestParseHeader(t *testing.T) {
	for _, tc := range goodHeaders {
		t.Run(tc.name, func(t *testing.T) {
			b := append(bytes.Clone(tc.header), "PROXY and the payload"...)
			o, n, err := ParseHeader(b)
			if err != nil || n != len(tc.header) {
				t.Fatalf("took %d bytes of %d, %v", n, len(tc.header), err)
			}
			if got := text(o.Source); got != tc.source {
				t.Errorf("source %q, want %q", got, tc.source)
			}
			if got := text(o.Destination); got != tc.destination {
				t.Errorf("destination %q, want %q", got, tc.destination)
			}
			if len(o.TLVs) != tc.tlvs {
				t.Errorf("TLVs %v, want %d", o.TLVs, tc.tlvs)
			}
			if !bytes.Equal(b[:n], tc.header) {
				t.Error("the bytes were changed")
			}
		})
	}
}

func text(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// TestParseHeaderSplit asks at every byte whether the header is complete.
func TestParseHeaderSplit(t *testing.T) {
	for _, tc := range goodHeaders {
		for n := range tc.header {
			if _, _, err := ParseHeader(tc.header[:n:n]); err != ErrIncomplete {
				t.Errorf("%s: %d bytes of %d: %v", tc.name, n, len(tc.header), err)
				break
			}
		}
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	wrong := sealed(v2(0x21, 0x11, join(addresses4, tlv(proxyproto.PP2_TYPE_CRC32C, "0000"))...))
	wrong[20]++ // a digit of an address
	for _, tc := range []struct {
		name   string
		header []byte
		want   error // nil = any but ErrIncomplete
	}{
		{"data", []byte("GET / HTTP/1.1\r\n"), ErrNoHeader},
		{"one byte of data", []byte("G"), ErrNoHeader},
		{"almost a signature", []byte("\r\n\r\n\x00\r\nQUIT\r"), ErrNoHeader},
		{"v1 without an end", []byte("PROXY TCP4 " + strings.Repeat("1", 200)), proxyproto.ErrVersion1HeaderTooLong},
		{"v1 without CR", []byte("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\n"), nil},
		{"v1 of an unknown family", []byte("PROXY TCP5 192.0.2.1 198.51.100.2 12345 443\r\n"), nil},
		{"v1 with a bad port", []byte("PROXY TCP4 192.0.2.1 198.51.100.2 12345 65536\r\n"), nil},
		{"v1 with mixed families", []byte("PROXY TCP4 2001:db8::1 198.51.100.2 12345 443\r\n"), nil},
		{"v2 of version 3", v2(0x31, 0x11, addresses4...), nil},
		{"v2 with an unknown command", v2(0x22, 0x11, addresses4...), nil},
		{"v2 of an undefined family", v2(0x21, 0x13, addresses4...), nil},
		{"v2 with short addresses", v2(0x21, 0x11, addresses4[:11]...), nil},
		{"v2 with a cut TLV", v2(0x21, 0x11, join(addresses4, []byte{0xe0, 0, 5, 1})...), nil},
		{"v2 with a wrong checksum", wrong, ErrChecksum},
		{"v2 with a short checksum", v2(0x21, 0x11, join(addresses4, tlv(proxyproto.PP2_TYPE_CRC32C, "00"))...), ErrChecksum},
		{"v2 with a cut checksum", v2(0x21, 0x11, join(addresses4, []byte{3, 0, 4, 1})...), ErrChecksum},
		{"v2 too long", v2(0x21, 0x11, make([]byte, HeaderMost)...), ErrHeaderLong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := ParseHeader(tc.header)
			if err == nil || err == ErrIncomplete || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func FuzzParseHeader(f *testing.F) {
	for _, tc := range goodHeaders {
		f.Add(tc.header)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		o, n, err := ParseHeader(b)
		if !bytes.Equal(b, before) {
			t.Fatal("the bytes were changed")
		}
		if err != nil {
			return
		}
		if n <= 0 || n > len(b) || n > HeaderMost {
			t.Fatalf("took %d of %d bytes", n, len(b))
		}
		if o.Source.IsValid() != o.Destination.IsValid() {
			t.Fatalf("half an origin: %+v", o)
		}
		for cut := range n {
			if _, _, err := ParseHeader(b[:cut]); err == nil {
				t.Fatalf("complete at %d bytes and at %d", cut, n)
			}
		}
	})
}

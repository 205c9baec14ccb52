package listen

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

// HeaderMost is the longest PROXY header that is accepted, in bytes. The protocol
// allows 64 KiB; what is sent in practice, certificates included, stays below 4.
const HeaderMost = 4096

// What a PROXY header can fail with, beside the library's own errors.
var (
	ErrIncomplete = errors.New("the PROXY header is not all there yet")
	ErrNoHeader   = errors.New("no PROXY header, from a peer that must send one")
	ErrHeaderLong = fmt.Errorf("the PROXY header is longer than %d bytes", HeaderMost)
	ErrChecksum   = errors.New("the PROXY header's CRC32C is wrong")
)

// Origin is what a PROXY header says of a connection: who the client is and where it
// wanted to go, as seen by the first proxy on the way. It is plain data.
type Origin struct {
	// Source and Destination are the zero value where the header does not say: LOCAL,
	// UNKNOWN, UNSPEC, unix sockets. Then the connection's own addresses hold.
	Source, Destination netip.AddrPort
	TLVs                []proxyproto.TLV // as they came, without checksum and padding
}

const (
	v1Most    = 107 // bytes, from the protocol's text
	v2Fixed   = 16  // signature, command, family, length
	v2Command = 12
	v2Family  = 13
	v2Length  = 14
)

// ParseHeader reads the PROXY header, version 1 or 2, at the start of b, and says how
// many bytes it takes. ErrIncomplete asks for more of them; every other error is final.
// It changes b for a moment.
func ParseHeader(b []byte) (Origin, int, error) {
	n, err := headerLength(b)
	if err != nil {
		return Origin{}, 0, err
	}
	o, err := parse(b[:n])
	return o, n, err
}

// headerLength finds where the header ends, so that the library is asked once and
// never reads past it.
func headerLength(b []byte) (int, error) {
	switch {
	case begins(b, proxyproto.SIGV1):
		return v1Length(b)
	case begins(b, proxyproto.SIGV2):
		return v2HeaderLength(b)
	}
	return 0, ErrNoHeader
}

// begins reports whether b starts with the signature, as far as b goes.
func begins(b, signature []byte) bool {
	n := min(len(b), len(signature))
	return bytes.Equal(b[:n], signature[:n])
}

func v1Length(b []byte) (int, error) {
	if i := bytes.IndexByte(b[:min(len(b), v1Most)], '\n'); i >= 0 {
		return i + 1, nil
	}
	if len(b) >= v1Most {
		return 0, proxyproto.ErrVersion1HeaderTooLong
	}
	return 0, ErrIncomplete
}

func v2HeaderLength(b []byte) (int, error) {
	if len(b) < v2Fixed {
		return 0, ErrIncomplete
	}
	n := v2Fixed + int(binary.BigEndian.Uint16(b[v2Length:]))
	switch {
	case n > HeaderMost:
		return 0, ErrHeaderLong
	case n > len(b):
		return 0, ErrIncomplete
	}
	return n, nil
}

// parse has the library read one whole header.
//
// The library takes UNSPEC with the command LOCAL only; the protocol leaves it to the
// receiver, and senders use it for clients of unix sockets. So it is shown as LOCAL:
// the connection's own addresses hold for both. What stands behind a LOCAL that came as
// such is to be ignored, whatever it is.
func parse(b []byte) (Origin, error) {
	if err := checkSum(b); err != nil {
		return Origin{}, err
	}
	v2 := b[0] == proxyproto.SIGV2[0]
	local := v2 && b[v2Command] == byte(proxyproto.LOCAL)
	if v2 && !local && b[v2Family] == byte(proxyproto.UNSPEC) && b[v2Command] == byte(proxyproto.PROXY) {
		b[v2Command] = byte(proxyproto.LOCAL)
		defer func() { b[v2Command] = byte(proxyproto.PROXY) }()
	}
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(b), len(b)))
	if err != nil {
		return Origin{}, fmt.Errorf("the PROXY header is malformed: %w", err)
	}
	tlvs, err := h.TLVs()
	if local {
		return Origin{}, nil
	}
	if err != nil {
		return Origin{}, fmt.Errorf("the PROXY header is malformed: %w", err)
	}
	return originOf(h, tlvs), nil
}

func originOf(h *proxyproto.Header, tlvs []proxyproto.TLV) Origin {
	var o Origin
	for _, t := range tlvs {
		if t.Type != proxyproto.PP2_TYPE_CRC32C && t.Type != proxyproto.PP2_TYPE_NOOP {
			o.TLVs = append(o.TLVs, t)
		}
	}
	source, destination, ok := h.TCPAddrs()
	if ok && h.Command.IsProxy() {
		o.Source, o.Destination = addrPort(source), addrPort(destination)
	}
	return o
}

func addrPort(a *net.TCPAddr) netip.AddrPort {
	ip, _ := netip.AddrFromSlice(a.IP)
	return netip.AddrPortFrom(ip.Unmap(), uint16(a.Port))
}

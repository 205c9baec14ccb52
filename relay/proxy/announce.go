package proxy

import (
	"encoding/hex"
	"math/rand/v2"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/listen"
	"relay/relay/sock"
	"relay/relay/upstream"
)

// announce tells the backend who its client is, before anything else: it sends the PROXY
// header, or what of it is still missing. false means that the session is not ready to
// relay, because it waits for room or because the backend is gone.
//
// An empty socket takes a header as a whole; only a tiny send_buffer makes it wait. No
// byte of the client has been read yet, so a backend that fails here is one that could
// not be connected to, and the next is tried.
func (s *Session) announce() bool {
	b := &s.ends[backend]
	rest := s.announcement()
	rest = rest[s.who.sent:]
	if len(rest) == 0 {
		return true
	}
	n, errno := sock.Send(b.FD, rest, false)
	if errno != 0 && errno != unix.EAGAIN {
		s.failedConnect(errno)
		return false
	}
	s.who.sent += uint16(n)
	if n < len(rest) {
		s.awaitConnect(b.FD)
		return false
	}
	return true
}

// announcement is the PROXY header for the backend, empty if its upstream wants none. It
// is the same each time it is built, and there is room behind it for aheadMost bytes.
func (s *Session) announcement() []byte {
	buf := s.in.scratch()[:0]
	if s.target.header == config.SendProxyOff {
		return buf
	}
	who := s.identity()
	if s.target.header == config.SendProxyV2 && who.ID == "" {
		who.ID = newID()
	}
	header, err := s.proxyHeader().Format()
	if err != nil {
		panic("proxy: " + err.Error()) // addresses are sound, TLVs are bounded
	}
	listen.Seal(header)
	return append(buf, header...)
}

// proxyHeader is what the header says. Clients without an IP address, those of unix
// sockets, are announced as such: UNKNOWN in version 1, UNSPEC in version 2.
func (s *Session) proxyHeader() *proxyproto.Header {
	h := &proxyproto.Header{Version: byte(s.target.header), Command: proxyproto.PROXY}
	from, to := s.client, s.destination()
	if from.IsValid() && to.IsValid() {
		h.TransportProtocol = proxyproto.TCPv4
		if from.Addr().Is6() || to.Addr().Is6() {
			h.TransportProtocol = proxyproto.TCPv6
		}
		h.SourceAddr, h.DestinationAddr = tcpAddr(from), tcpAddr(to)
	}
	if s.target.header == config.SendProxyV2 {
		if err := h.SetTLVs(s.who.tlvs()); err != nil {
			panic("proxy: " + err.Error())
		}
	}
	return h
}

// tlvs are those that came with the client's own PROXY header, and ours for what they do
// not say: the proxy nearest to the client knows best.
func (who *Identity) tlvs() []proxyproto.TLV {
	all := append([]proxyproto.TLV(nil), who.Origin.TLVs...)
	add := func(kind proxyproto.PP2Type, value string) {
		for _, t := range all {
			if t.Type == kind {
				return
			}
		}
		if value != "" {
			all = append(all, proxyproto.TLV{Type: kind, Value: []byte(value)})
		}
	}
	if len(who.Protocols) > 0 {
		add(proxyproto.PP2_TYPE_ALPN, who.Protocols[0])
	}
	add(proxyproto.PP2_TYPE_AUTHORITY, who.ServerName)
	add(proxyproto.PP2_TYPE_UNIQUE_ID, who.ID)
	return append(all, proxyproto.TLV{Type: proxyproto.PP2_TYPE_CRC32C, Value: make([]byte, 4)})
}

// newID is a name for a session that no other has: 128 random bits.
func newID() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return hex.EncodeToString(b[:])
}

func tcpAddr(ap netip.AddrPort) *net.TCPAddr {
	return &net.TCPAddr{IP: ap.Addr().AsSlice(), Port: int(ap.Port())}
}

func localAddress(fd int) netip.AddrPort {
	a := sock.LocalAddress(fd)
	return a.AddrPort()
}

// preface makes what begins a health check of backends that expect a PROXY header: one
// that says the proxy itself is calling.
func preface(version config.SendProxy) upstream.Preface {
	h := &proxyproto.Header{Version: byte(version), Command: proxyproto.LOCAL}
	if version == config.SendProxyV1 {
		h.Command = proxyproto.PROXY // version 1 has no LOCAL; without addresses it says UNKNOWN
	}
	return func(c net.Conn) error {
		_, err := h.WriteTo(c)
		return err
	}
}

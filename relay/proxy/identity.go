package proxy

import (
	"net/netip"

	"relay/relay/listen"
)

// Identity is what is known of a session's client beyond its socket. Sessions have one
// only where something was to be found out or told, and it is plain data.
type Identity struct {
	Peer       netip.AddrPort // who connected, where a PROXY header named another client
	Origin     listen.Origin
	ServerName string   // that the client asked for by TLS, in lower case
	Protocols  []string // that it offered by ALPN
	ID         string   // that the backend was told

	awaited awaited // in the state header
	sent    uint16  // bytes of the PROXY header that the backend has
	failure error   // why the header was not accepted
}

// awaited is what a session in the state header waits for.
type awaited uint8

const (
	proxyHeader awaited = iota
	clientHello
)

// identity is s.who, made when first needed.
func (s *Session) identity() *Identity {
	if s.who == nil {
		s.who = new(Identity)
	}
	return s.who
}

// destination is where the client wanted to go: as the PROXY header says, else the
// address it connected to.
func (s *Session) destination() netip.AddrPort {
	if s.who != nil && s.who.Origin.Destination.IsValid() {
		return s.who.Origin.Destination
	}
	return localAddress(s.ends[client].FD)
}

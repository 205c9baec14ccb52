package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Keepalive is the table keepalive: the probes that find out whether a silent peer is
// still there.
type Keepalive struct {
	Idle     time.Duration // silence before the first probe; 0 = no probes
	Interval time.Duration
	Count    int // unanswered probes that end the connection
}

// Sockets are the keys about TCP sockets that a listener, a drop and an upstream share.
// They concern the clients' connections in the first two, the backends' in the last.
type Sockets struct {
	Keepalive     Keepalive
	UserTimeout   time.Duration // unacknowledged data for this long ends a connection; 0 = the kernel's way
	Congestion    string        // "" = the system's
	MPTCP         bool
	FastOpen      bool
	ReceiveBuffer int // bytes asked of the kernel; 0 = it decides, and adapts
	SendBuffer    int
}

// SendProxy is the PROXY protocol header that an upstream's backends are told.
type SendProxy uint8

// The values of the key `send_proxy`.
const (
	SendProxyOff SendProxy = iota
	SendProxyV1
	SendProxyV2
)

var sendProxyNames = []string{"off", "v1", "v2"}

// String is the value as the file spells it.
func (s SendProxy) String() string { return sendProxyNames[s] }

// Outgoing are the keys of an upstream about how its backends are called.
type Outgoing struct {
	SendProxy   SendProxy
	Bind        []netip.Addr // source addresses, used in turn; empty = the kernel chooses
	Transparent bool         // the client's own address is the source
	Interface   string       // "" = by the routing table
	Mark        int          // SO_MARK; 0 = none
}

const (
	backlogMost   = 1 << 20
	markMost      = 1<<32 - 1
	keepMost      = 32767 * time.Second // tcp(7): what the kernel takes
	keepCountMost = 127
	deferMost     = time.Hour
)

var keepaliveFields = []field[Keepalive]{
	scalar("idle", seconds(0, keepMost), func(k *Keepalive) *time.Duration { return &k.Idle }),
	scalar("interval", seconds(time.Second, keepMost), func(k *Keepalive) *time.Duration { return &k.Interval }),
	scalar("count", integer(1, keepCountMost), func(k *Keepalive) *int { return &k.Count }),
}

var socketFields = []field[Sockets]{
	single("keepalive", keepaliveFields, func(s *Sockets) *Keepalive { return &s.Keepalive }),
	scalar("user_timeout", duration, func(s *Sockets) *time.Duration { return &s.UserTimeout }),
	scalar("congestion", short("a congestion control", "bbr"), func(s *Sockets) *string { return &s.Congestion }),
	scalar("mptcp", yesNo, func(s *Sockets) *bool { return &s.MPTCP }),
	scalar("fast_open", yesNo, func(s *Sockets) *bool { return &s.FastOpen }),
	scalar("receive_buffer", size[int](0, gib), func(s *Sockets) *int { return &s.ReceiveBuffer }),
	scalar("send_buffer", size[int](0, gib), func(s *Sockets) *int { return &s.SendBuffer }),
}

var outgoingFields = []field[Outgoing]{
	scalar("send_proxy", choice[SendProxy](sendProxyNames), func(o *Outgoing) *SendProxy { return &o.SendProxy }),
	list("bind", sourceAddress, func(o *Outgoing) *[]netip.Addr { return &o.Bind }),
	scalar("transparent", yesNo, func(o *Outgoing) *bool { return &o.Transparent }),
	scalar("interface", short("a network interface", "eth0"), func(o *Outgoing) *string { return &o.Interface }),
	scalar("mark", integer(0, markMost), func(o *Outgoing) *int { return &o.Mark }),
}

func freshSockets() Sockets {
	return Sockets{Keepalive: Keepalive{Interval: 15 * time.Second, Count: 4}}
}

// seconds is a time that the kernel counts in whole seconds.
func seconds(least, most time.Duration) func(any) (time.Duration, error) {
	return func(v any) (time.Duration, error) {
		d, err := duration(v)
		switch {
		case err != nil:
			return 0, err
		case d < least || d > most:
			return 0, fmt.Errorf("%q is out of range; write a time from \"%.0fs\" to \"%.0fs\"", v, least.Seconds(), most.Seconds())
		case d%time.Second != 0:
			return 0, fmt.Errorf("%q is no whole number of seconds; write it like \"30s\"", v)
		}
		return d, nil
	}
}

// shortMost is what the kernel keeps of such names, IFNAMSIZ and TCP_CA_NAME_MAX,
// without the NUL.
const shortMost = 15

// short is a name that the kernel gave; "" is none.
func short(what, like string) func(any) (string, error) {
	return func(v any) (string, error) {
		s, ok := v.(string)
		if !ok {
			return "", fmt.Errorf("%s is not the name of %s; write one like %q", describe(v), what, like)
		}
		if len(s) > shortMost || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) {
			return "", fmt.Errorf("%s is not the name of %s; write one like %q", quote(s), what, like)
		}
		return s, nil
	}
}

// sourceAddress is an address of this machine to call from. Its port is the kernel's to
// choose.
func sourceAddress(v any) (netip.Addr, error) {
	s, ok := v.(string)
	if !ok {
		return netip.Addr{}, fmt.Errorf("%s is not an address; write one like \"192.0.2.10\"", describe(v))
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%s is not an IP address; write one of this machine's, without a port, like \"192.0.2.10\"", quote(s))
	case a.IsUnspecified() || a.IsMulticast():
		return netip.Addr{}, fmt.Errorf("%s is no address to call from; write one of this machine's, like \"192.0.2.10\"", quote(s))
	}
	return a.Unmap(), nil
}

// checkOutgoing looks at the keys that exclude each other.
func checkOutgoing(w *walk, c *Config) {
	for i := range c.Upstreams {
		u := &c.Upstreams[i]
		if u.Transparent && len(u.Bind) > 0 {
			w.mistake(nth("upstream", i, u.Name).at("transparent"),
				"the source is either the client's own address or one of bind; leave one of the two keys out")
		}
	}
}

// headBufferLeast is the receive buffer that shows the largest head relay looks at
// before a session starts, whatever the kernel takes off for its own use.
const headBufferLeast = 64 * kib

// checkBuffers finds buffers in which a PROXY header or a ClientHello could not show up
// as a whole.
func checkBuffers(w *walk, c *Config) {
	small := func(s *Service) bool { return s.ReceiveBuffer > 0 && s.ReceiveBuffer < headBufferLeast }
	for i := range c.Listeners {
		l := &c.Listeners[i]
		if small(&l.Service) && (len(l.AcceptProxyFrom) > 0 || l.Peeks()) {
			w.mistake(nth("listener", i, l.Name).at("receive_buffer"), "%q is too small to look at a PROXY header or a ClientHello; write at least %q",
				formatSize(int64(l.ReceiveBuffer)), formatSize(headBufferLeast))
		}
	}
	for i := range c.Drops {
		d := &c.Drops[i]
		if small(&d.Service) && len(d.AcceptProxyFrom) > 0 {
			w.mistake(nth("drop", i, d.Name).at("receive_buffer"), "%q is too small to look at a PROXY header; write at least %q",
				formatSize(int64(d.ReceiveBuffer)), formatSize(headBufferLeast))
		}
	}
}

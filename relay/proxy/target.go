package proxy

import (
	"fmt"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/listen"
	"relay/relay/sock"
	"relay/relay/upstream"
)

// Target is an upstream as sessions reach it: the pool, and how its backends are called.
// The loops share it.
type Target struct {
	Upstream       *upstream.Upstream
	header         config.SendProxy
	connectTimeout int64
	plain          bool // backends are called without any of what follows
	mptcp          bool
	fastOpen       bool
	transparent    bool
	settings       sock.Settings
	sources        []sock.Address
	next           atomic.Uint32 // source, in turn
}

// NewTarget readies an upstream to be called, and tries on a socket whether the kernel
// grants what its configuration asks for. It comes before the upstream's Start: health
// checks then begin as sessions do.
func NewTarget(u *upstream.Upstream) (*Target, error) {
	c := u.Config()
	t := &Target{
		Upstream: u, header: c.SendProxy, connectTimeout: int64(c.ConnectTimeout),
		mptcp: c.MPTCP, fastOpen: c.FastOpen, transparent: c.Transparent,
		settings: outgoing(c),
	}
	if c.SendProxy != config.SendProxyOff {
		u.Preface = preface(c.SendProxy)
	}
	for _, ip := range c.Bind {
		a, err := sock.TCPAddress(netip.AddrPortFrom(ip, 0))
		if err != nil {
			return nil, fmt.Errorf("upstream %q: bind %s: %w", c.Name, ip, err)
		}
		t.sources = append(t.sources, a)
	}
	t.plain = !t.mptcp && !t.fastOpen && !t.transparent && len(t.settings) == 0 && len(t.sources) == 0
	if err := t.try(); err != nil {
		return nil, fmt.Errorf("upstream %q: %w", c.Name, err)
	}
	return t, nil
}

// hashesName reports that the choice among the backends needs the client's ClientHello.
func (t *Target) hashesName() bool {
	c := t.Upstream.Config()
	return c.Balance == config.SourceHash && c.Hash == config.HashSNI
}

// outgoing are the settings of every socket to a backend.
func outgoing(c *config.Upstream) sock.Settings {
	all := listen.Settings(&c.Sockets)
	if c.Interface != "" {
		all = append(all, sock.Setting{Key: "interface", Level: unix.SOL_SOCKET, Option: unix.SO_BINDTODEVICE, Text: c.Interface})
	}
	if c.Mark != 0 {
		all = append(all, sock.Setting{Key: "mark", Level: unix.SOL_SOCKET, Option: unix.SO_MARK, Value: c.Mark})
	}
	return all
}

// bindLate leaves the choice of a port to connect, which knows the other end of the
// connection too: one source address then serves 28 000 sessions to each backend
// instead of 28 000 in all.
var bindLate = sock.Setting{Key: "bind", Level: unix.IPPROTO_IP, Option: unix.IP_BIND_ADDRESS_NO_PORT, Value: 1}

// foreign lets a socket take an address that is not this machine's.
func foreign(family int) sock.Setting {
	if family == unix.AF_INET6 {
		return sock.Setting{Key: "transparent", Level: unix.IPPROTO_IPV6, Option: unix.IPV6_TRANSPARENT, Value: 1}
	}
	return sock.Setting{Key: "transparent", Level: unix.IPPROTO_IP, Option: unix.IP_TRANSPARENT, Value: 1}
}

// try asks the kernel for everything once, so that what is missing is said at the start
// and not session by session.
func (t *Target) try() error {
	if t.plain {
		return nil
	}
	for _, b := range t.Upstream.Backends() {
		if b.Unix {
			continue
		}
		if err := t.tryFamily(&b.Address); err != nil {
			return err
		}
	}
	return nil
}

func (t *Target) tryFamily(to *sock.Address) error {
	fd, errno := sock.Open(to, t.mptcp)
	if errno != 0 {
		if t.mptcp {
			return fmt.Errorf("mptcp: %w (net.mptcp.enabled must be 1)", errno)
		}
		return errno
	}
	defer sock.Close(fd)
	settings := t.settings
	if t.transparent {
		settings = append(settings[:len(settings):len(settings)], foreign(to.Family()))
	}
	if refused, errno := settings.Apply(fd); errno != 0 {
		return listen.Explain(refused, errno)
	}
	for i := range t.sources {
		if err := trySource(&t.sources[i]); err != nil {
			return err
		}
	}
	return nil
}

func trySource(at *sock.Address) error {
	fd, errno := sock.Open(at, false)
	if errno != 0 {
		return errno
	}
	defer sock.Close(fd)
	switch errno := sock.Bind(fd, at); errno {
	case 0:
		return nil
	case unix.EADDRNOTAVAIL:
		return fmt.Errorf("bind: %s is not an address of this machine", at.AddrPort().Addr())
	default:
		return fmt.Errorf("bind: %s: %w", at.AddrPort().Addr(), errno)
	}
}

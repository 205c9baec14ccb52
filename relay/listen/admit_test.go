package listen

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/flow"
)

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		name        string
		allow, deny []string
		yes, no     []string
	}{
		{"no rules", nil, nil, []string{"192.0.2.1", "2001:db8::1", "fe80::1%2"}, nil},
		{
			"allow",
			[]string{"10.0.0.0/8", "2001:db8::/32"},
			nil,
			[]string{"10.0.0.0", "10.255.255.255", "2001:db8:ffff::1"},
			[]string{"11.0.0.0", "9.255.255.255", "2001:db9::1", "::1"},
		},
		{
			"deny", nil,
			[]string{"10.0.0.0/8", "::1/128"},
			[]string{"11.0.0.1", "::2"},
			[]string{"10.1.2.3", "::1"},
		},
		{
			"deny comes first",
			[]string{"10.0.0.0/8"},
			[]string{"10.1.0.0/16"},
			[]string{"10.2.0.1"},
			[]string{"10.1.0.1", "192.0.2.1"},
		},
		{"everybody denied", []string{"0.0.0.0/0"}, []string{"0.0.0.0/0"}, nil, []string{"192.0.2.1", "::1"}},
		{"one family only", []string{"0.0.0.0/0"}, nil, []string{"192.0.2.1"}, []string{"::1", "2001:db8::1"}},
		{"a single address", []string{"192.0.2.7/32"}, nil, []string{"192.0.2.7"}, []string{"192.0.2.6", "192.0.2.8"}},
		{
			"a link's zone is not looked at",
			[]string{"fe80::/10"},
			[]string{"fe80::bad/128"},
			[]string{"fe80::1%2", "fe80::1%eth0", "fe80::1"},
			[]string{"fe80::bad%2", "fe80::bad%7"},
		},
	} {
		s := &config.Service{Allow: prefixes(c.allow), Deny: prefixes(c.deny)}
		for want, all := range map[bool][]string{true: c.yes, false: c.no} {
			for _, ip := range all {
				if got := allowed(s, netip.MustParseAddr(ip)); got != want {
					t.Errorf("%s: allowed(%s) is %v", c.name, ip, got)
				}
			}
		}
	}
}

func prefixes(all []string) []netip.Prefix {
	var list []netip.Prefix
	for _, s := range all {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}

// A client that reaches an IPv4 rule through IPv6 clothes is judged as IPv4: accept
// takes them off.
func TestAdmit(t *testing.T) {
	capacity := plenty()
	s := &Service{counts: &counts{}, capacity: capacity, Config: config.Service{SessionsMax: 2, Deny: prefixes([]string{"10.0.0.0/8"})}}
	from := func(ip string) Conn { return Conn{Client: netip.AddrPortFrom(netip.MustParseAddr(ip), 1)} }
	for i, c := range []struct {
		conn     Conn
		want     Refusal
		sessions int64
	}{
		{from("10.0.0.1"), Denied, 0},
		{from("192.0.2.1"), "", 1},
		{Conn{Kind: flow.Unix}, "", 2}, // has no address to deny
		{from("192.0.2.1"), Full, 2},
		{from("10.0.0.1"), Denied, 2}, // denied before it is counted
	} {
		if got := s.admit(c.conn); got != c.want || s.Sessions() != c.sessions || capacity.Used() != c.sessions {
			t.Errorf("client %d: %q with %d sessions, %d in the process; want %q with %d", i, got, s.Sessions(), capacity.Used(), c.want, c.sessions)
		}
	}
	s.Leave()
	if why := s.admit(from("192.0.2.1")); why != "" || s.Sessions() != 2 {
		t.Errorf("after one left: %q with %d sessions", why, s.Sessions())
	}
}

func TestRefusedClientsAreReset(t *testing.T) {
	r := newRig(t, 1, config.Service{Deny: prefixes([]string{"127.0.0.0/8"})}, plenty())
	r.start(0)
	for range 3 {
		wantTurnedAway(t, r)
		if why := <-r.takers[0].refused; why != Denied {
			t.Errorf("refused as %q, want %q", why, Denied)
		}
	}
	if n := r.loops[0].Load.Load(); n != 0 || r.capacity.Used() != 0 {
		t.Errorf("load %d, %d sessions, for clients that were refused", n, r.capacity.Used())
	}
}

func TestSessionsMaxRefuses(t *testing.T) {
	r := newRig(t, 1, config.Service{SessionsMax: 1}, plenty())
	r.start(0)
	r.dial(1)
	r.take(0)
	wantTurnedAway(t, r)
	if why := <-r.takers[0].refused; why != Full {
		t.Errorf("refused as %q, want %q", why, Full)
	}
	r.Leave()
	r.dial(1)
	r.take(0)
}

// wantTurnedAway checks that a client gets a reset, which may come before connect has
// returned.
func wantTurnedAway(t *testing.T, r *rig) {
	t.Helper()
	c, err := net.Dial("tcp", r.address().String())
	if err == nil {
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the client saw %v, want a reset", err)
	}
}

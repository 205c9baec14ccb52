package proxy

import (
	"net/netip"
	"testing"

	"relay/config"
)

func TestRoutes(t *testing.T) {
	targets := map[string]*Target{}
	for _, name := range []string{"exact", "below", "h2", "office", "both"} {
		targets[name] = &Target{}
	}
	prefixes := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	rs := newRoutes([]config.Route{
		{Source: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}, Upstream: "office"},
		{SNI: []string{"secret.example.org"}, Source: prefixes, Upstream: "both"},
		{SNI: []string{"example.org", "www.example.org"}, Upstream: "exact"},
		{SNI: []string{"*.example.org"}, Upstream: "below"},
		{ALPN: []string{"h2"}, Upstream: "h2"},
	}, targets)
	for _, tc := range []struct {
		source, name, protocol, want string
	}{
		{"192.0.2.1", "example.org", "", "exact"},
		{"192.0.2.1", "www.example.org", "h2", "exact"},
		{"192.0.2.1", "a.example.org", "", "below"},
		{"192.0.2.1", "a.b.example.org", "", "below"},
		{"192.0.2.1", "notexample.org", "", ""},
		{"192.0.2.1", ".example.org", "", ""},
		{"192.0.2.1", "", "h2", "h2"},
		{"192.0.2.1", "", "", ""},
		{"10.1.1.1", "secret.example.org", "", "both"},
		{"2001:db8::1", "secret.example.org", "", "both"},
		{"192.0.2.1", "secret.example.org", "", "below"},
		{"10.9.1.1", "secret.example.org", "", "office"},
	} {
		h := &hello{serverName: tc.name}
		if tc.protocol != "" {
			h.protocols = []string{"spdy/1", tc.protocol}
		}
		got, peek := rs.choose(netip.MustParseAddr(tc.source), h)
		if got != targets[tc.want] || peek {
			t.Errorf("%+v: another target (%v)", tc, peek)
		}
	}
}

// TestWhoWaits says for which sources the first bytes are looked at.
func TestWhoWaits(t *testing.T) {
	office := config.Route{Source: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	named := config.Route{SNI: []string{"example.org"}}
	namedAtOffice := config.Route{SNI: []string{"example.org"}, Source: office.Source}
	inside, outside := netip.MustParseAddr("10.1.1.1"), netip.MustParseAddr("192.0.2.1")
	for _, tc := range []struct {
		name            string
		routes          []config.Route
		inside, outside bool
	}{
		{"none", nil, false, false},
		{"source only", []config.Route{office}, false, false},
		{"name only", []config.Route{named}, true, true},
		{"source first", []config.Route{office, named}, false, true},
		{"name first", []config.Route{named, office}, true, true},
		{"name for a source", []config.Route{namedAtOffice}, true, false},
	} {
		rs := newRoutes(tc.routes, map[string]*Target{})
		_, in := rs.choose(inside, nil)
		_, out := rs.choose(outside, nil)
		if in != tc.inside || out != tc.outside {
			t.Errorf("%s: inside waits %v, outside %v", tc.name, in, out)
		}
	}
	unixClient := netip.Addr{}
	if _, peek := newRoutes([]config.Route{namedAtOffice}, nil).choose(unixClient, nil); peek {
		t.Error("a client without an address waits for a source route")
	}
}

package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Route is one [[listener.route]]: sessions that match go to Upstream. A route matches
// when each kind of condition it has does, and a kind when one of its values does.
type Route struct {
	SNI      []string // lower case; "*.example.org" is every name below example.org
	ALPN     []string
	Source   []netip.Prefix
	Upstream string
}

// Peeks reports that the route needs a look at the client's first bytes.
func (r *Route) Peeks() bool { return len(r.SNI) > 0 || len(r.ALPN) > 0 }

// Peeks reports that some route of the listener needs a look at the client's first
// bytes.
func (l *Listener) Peeks() bool {
	return slices.ContainsFunc(l.Routes, func(r Route) bool { return r.Peeks() })
}

var routeFields = []field[Route]{
	list("sni", serverName, func(r *Route) *[]string { return &r.SNI }),
	list("alpn", protocolName, func(r *Route) *[]string { return &r.ALPN }),
	list("source", prefix, func(r *Route) *[]netip.Prefix { return &r.Source }),
	required(scalar("upstream", name, func(r *Route) *string { return &r.Upstream }), `upstream = "web", the name of an [[upstream]]`),
}

func freshRoute() Route { return Route{} }

// hostMost is the length of the longest name in DNS, in bytes.
const hostMost = 253

// serverName is the name a TLS client asks for, or a pattern of such names.
func serverName(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s is not a host name; write it like \"www.example.org\" or \"*.example.org\"", describe(v))
	}
	host := strings.ToLower(s)
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return "", fmt.Errorf("%s is an address, and TLS clients ask for names only; write a host name, or leave it to the listener's upstream", quote(s))
	}
	plain, _ := strings.CutPrefix(host, "*.")
	if !isHost(plain) {
		return "", fmt.Errorf("%s is not a host name; write it like \"www.example.org\" or \"*.example.org\", other letters as \"xn--…\"", quote(s))
	}
	return host, nil
}

func isHost(s string) bool {
	if s == "" || len(s) > hostMost {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		odd := func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_')
		}
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, odd) {
			return false
		}
	}
	return true
}

// protocolName is a name of RFC 7301, such as "h2".
func protocolName(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s is not a protocol; write its ALPN name, like \"h2\" or \"http/1.1\"", describe(v))
	}
	if s == "" || len(s) > 255 {
		return "", fmt.Errorf("%s is not a protocol; write its ALPN name, like \"h2\" or \"http/1.1\"", quote(s))
	}
	return s, nil
}

// checkRoutes follows each route to its upstream, and finds those that match everything
// or nothing more.
func checkRoutes(w *walk, c *Config, names []string) {
	for i := range c.Listeners {
		l := &c.Listeners[i]
		for j := range l.Routes {
			r := &l.Routes[j]
			at := nth("listener", i, l.Name).at("route").element(j, "")
			if !r.Peeks() && len(r.Source) == 0 && !named(w, at, "sni", "alpn", "source") {
				w.mistake(at, "matches every session; write sni, alpn or source, or make it the listener's upstream")
			}
			checkTarget(w, at.at("upstream"), c, l, r.Upstream, names)
		}
	}
}

// named reports whether a mistake was found in one of these keys already.
func named(w *walk, table place, keys ...string) bool {
	return slices.ContainsFunc(w.mistakes, func(m Mistake) bool {
		return m.Table == table.table && slices.Contains(keys, m.Key)
	})
}

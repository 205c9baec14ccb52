package proxy

import (
	"net/netip"
	"slices"
	"strings"

	"relay/config"
	"relay/relay/listen"
)

// routes are a listener's, in the order of the file.
type routes []route

// route is one [[listener.route]]. It matches when each kind of condition it has does,
// and a kind when one of its values does.
type route struct {
	names     map[string]struct{} // server names
	below     []string            // ".example.org" for "*.example.org"
	protocols []string
	sources   []netip.Prefix
	peeks     bool // a condition is about the ClientHello
	target    *Target
}

func newRoutes(all []config.Route, targets map[string]*Target) routes {
	var rs routes
	for _, c := range all {
		r := route{
			names: map[string]struct{}{}, protocols: c.ALPN, sources: c.Source,
			peeks: c.Peeks(), target: targets[c.Upstream],
		}
		for _, name := range c.SNI {
			if suffix, ok := strings.CutPrefix(name, "*"); ok {
				r.below = append(r.below, suffix)
			} else {
				r.names[name] = struct{}{}
			}
		}
		rs = append(rs, r)
	}
	return rs
}

// choose is the target of the first route that matches, or nil for the listener's own.
// With no hello it asks for a look at the client's first bytes, but only where they
// decide: a source that settles the matter before is not made to wait.
func (rs routes) choose(source netip.Addr, h *hello) (target *Target, peek bool) {
	for i := range rs {
		r := &rs[i]
		switch {
		case len(r.sources) > 0 && !listen.Contains(r.sources, source):
		case !r.peeks:
			return r.target, false
		case h == nil:
			return nil, true
		case r.asked(h):
			return r.target, false
		}
	}
	return nil, false
}

// asked reports whether the hello asks for one of the route's names and offers one of
// its protocols.
func (r *route) asked(h *hello) bool {
	if len(r.names)+len(r.below) > 0 && !r.named(h.serverName) {
		return false
	}
	return len(r.protocols) == 0 ||
		slices.ContainsFunc(h.protocols, func(p string) bool { return slices.Contains(r.protocols, p) })
}

// named matches a server name. A wildcard stands for one label or several, as in nginx
// and Envoy, and not for none.
func (r *route) named(name string) bool {
	if _, ok := r.names[name]; ok {
		return true
	}
	return slices.ContainsFunc(r.below, func(suffix string) bool {
		return len(name) > len(suffix) && strings.HasSuffix(name, suffix)
	})
}

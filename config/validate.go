package config

import "slices"

// unixPathMax is what sockaddr_un holds beside the NUL that ends a path (unix(7)).
const unixPathMax = 107

// validate checks what values say of each other. What could not be read holds
// its default here, or is empty and left alone: one slip makes one mistake.
func validate(w *walk, root tree, c *Config) {
	if absent(root, "listener") && absent(root, "drop") {
		w.mistake(place{}, "nothing to do; write a [[listener]] with its [[upstream]], or a [[drop]]")
	}
	if budget, pipe := c.Engine.PipeBudget, int64(c.Engine.PipeSize); budget < pipe {
		w.mistake(place{}.at("engine").inside().at("pipe_budget"), "%q holds not even one pipe of pipe_size %q; write at least that",
			formatSize(budget), formatSize(pipe))
	}
	checkNames(w, "listener", c.Listeners, func(l *Listener) string { return l.Name })
	checkNames(w, "upstream", c.Upstreams, func(u *Upstream) string { return u.Name })
	checkNames(w, "drop", c.Drops, func(d *Drop) string { return d.Name })
	checkSockets(w, c)
	checkUpstreams(w, c)
	checkListeners(w, c)
	checkOutgoing(w, c)
	checkBuffers(w, c)
	checkForwards(w, c)
	checkDrops(w, c)
}

// absent reports that a file has no table of this kind, not even a wrong one.
func absent(root tree, kind string) bool {
	value, ok := root[kind]
	tables, isArray := elements(value)
	return !ok || isArray && len(tables) == 0
}

// nth is the place of table number i among those of its kind.
func nth(kind string, i int, name string) place {
	return place{}.at(kind).element(i, name)
}

func checkNames[T any](w *walk, kind string, all []T, nameOf func(*T) string) {
	seen := map[string]bool{}
	for i := range all {
		name := nameOf(&all[i])
		if name != "" && seen[name] {
			w.mistake(nth(kind, i, name).at("name"), "another %s has this name; give each its own", kind)
		}
		seen[name] = true
	}
}

// socket is one listening address and who listens there.
type socket struct {
	address Address
	owner   place
}

// checkSockets finds addresses that the kernel would refuse to bind.
func checkSockets(w *walk, c *Config) {
	var sockets []socket
	add := func(owner place, addresses []Address) {
		for _, a := range addresses {
			sockets = append(sockets, socket{a, owner})
		}
	}
	if c.Admin.On() {
		add(place{}.at("admin").inside(), []Address{c.Admin.Listen})
	}
	for i, l := range c.Listeners {
		add(nth("listener", i, l.Name), l.Listen)
	}
	for i, d := range c.Drops {
		add(nth("drop", i, d.Name), d.Listen)
	}
	checkCounts(w, c)
	taken := map[uint16][]socket{} // by port; unix sockets and systemd's are under 0
	for _, s := range sockets {
		checkUnixPath(w, s.owner.at("listen"), s.address)
		port := s.address.TCP.Port()
		if i := slices.IndexFunc(taken[port], func(t socket) bool { return collide(t.address, s.address) }); i >= 0 {
			other := taken[port][i]
			w.mistake(s.owner.at("listen"), "%q is taken by %q of %s; an address can be listened on once", s.address, other.address, other.owner.table)
		}
		taken[port] = append(taken[port], s)
	}
}

// collide reports whether two sockets cannot listen at the same time: they are
// the same, or one is the wildcard of the other's family. Port 0 is a fresh port
// each time. (Whether [::] also takes IPv4 is for the socket to say.)
func collide(a, b Address) bool {
	if a.IsUnix() || b.IsUnix() || a.Systemd != "" {
		return a == b
	}
	x, y := a.TCP.Addr(), b.TCP.Addr()
	if a.TCP.Port() == 0 || a.TCP.Port() != b.TCP.Port() || x.Is4() != y.Is4() {
		return false
	}
	return x == y || x.IsUnspecified() || y.IsUnspecified()
}

func checkUnixPath(w *walk, at place, a Address) {
	if n := len(a.Unix); n > unixPathMax {
		w.mistake(at, "%s is %d bytes long, and the kernel takes %d; use a shorter path", quote(a.Unix), n, unixPathMax)
	}
}

func checkUpstreams(w *walk, c *Config) {
	for i, u := range c.Upstreams {
		checkUpstreamSense(w, nth("upstream", i, u.Name), &u)
		first := map[Address]int{}
		for j, b := range u.Backends {
			if b.Address == (Address{}) {
				continue
			}
			at := nth("upstream", i, u.Name).at("backend").element(j, "").at("address")
			checkUnixPath(w, at, b.Address)
			if k, ok := first[b.Address]; ok {
				w.mistake(at, "%q is backend %d already; give that one more weight instead", b.Address, k+1)
				continue
			}
			first[b.Address] = j
		}
	}
}

// checkListeners follows each listener to its upstreams.
func checkListeners(w *walk, c *Config) {
	names := make([]string, len(c.Upstreams))
	for i, u := range c.Upstreams {
		names[i] = u.Name
	}
	for i := range c.Listeners {
		l := &c.Listeners[i]
		checkTarget(w, nth("listener", i, l.Name).at("upstream"), c, l, l.Upstream, names)
	}
	checkRoutes(w, c, names)
}

// checkTarget follows one name of an upstream that a listener's sessions may go to.
func checkTarget(w *walk, at place, c *Config, l *Listener, target string, names []string) {
	if target == "" {
		return
	}
	j := slices.Index(names, target)
	if j < 0 {
		w.mistake(at, "%s", noUpstream(target, names))
		return
	}
	for _, b := range c.Upstreams[j].Backends {
		if b.Address != (Address{}) && slices.Contains(l.Listen, b.Address) {
			w.mistake(at, "its backend %q is this listener itself, and every session would open another; write the address of a server", b.Address)
		}
	}
}

func noUpstream(name string, names []string) string {
	text := "there is no upstream " + quote(name)
	if near := nearest(name, names); near != "" {
		return text + "; did you mean " + quote(near) + "?"
	}
	return text + `; write an [[upstream]] with name = ` + quote(name)
}

// listenMost is how many addresses one listener or drop may have: the loops number them
// in a byte.
const listenMost = 256

func checkCounts(w *walk, c *Config) {
	check := func(owner place, n int) {
		if n > listenMost {
			w.mistake(owner.at("listen"), "has %d addresses; write at most %d, and another table for the rest", n, listenMost)
		}
	}
	for i, l := range c.Listeners {
		check(nth("listener", i, l.Name), len(l.Listen))
	}
	for i, d := range c.Drops {
		check(nth("drop", i, d.Name), len(d.Listen))
	}
}

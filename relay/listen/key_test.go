package listen

import (
	"net/netip"
	"testing"

	"relay/config"
)

// A key is the same in every process, which finds a socket by it, and differs wherever
// the socket does.
func TestKeys(t *testing.T) {
	tcp := func(s string) config.Address { return config.Address{TCP: netip.MustParseAddrPort(s)} }
	c := config.Service{Name: "web", Listen: []config.Address{tcp("127.0.0.1:80"), tcp("127.0.0.1:0"), tcp("127.0.0.1:0"), {Unix: "/run/s"}}}
	keys := Keys("listener", &c)
	// As it was in the first version that left sockets: a later one must find them.
	if keys[0] != "relay-4d1003d145990a0c-b3541a4b" {
		t.Errorf("%q", keys[0])
	}
	for i, a := range keys {
		if !isKey(a) {
			t.Errorf("%q is no key", a)
		}
		for _, b := range keys[:i] {
			if stem(a) == stem(b) {
				t.Errorf("%q and %q are of one place", a, b)
			}
		}
	}
	c.Name = "other" // its sockets on fixed addresses are the same ones
	if other := Keys("listener", &c); other[0] != keys[0] || other[1] == keys[1] || other[3] != keys[3] {
		t.Errorf("%q\n%q", keys, other)
	}
	c.Name, c.SendBuffer, c.Backlog = "web", 65536, 17
	larger := Keys("listener", &c)
	if stem(larger[0]) != stem(keys[0]) || larger[0] == keys[0] || larger[3] != keys[3] {
		t.Errorf("with another buffer %q\nbefore %q", larger, keys)
	}
	c.Listen = append(c.Listen, config.Address{Systemd: "web"})
	if n := len(Keys("listener", &c)); n != 4 {
		t.Errorf("%d keys: a socket unit's socket has none", n)
	}
	for _, name := range []string{"web", "relay-web", "relay.socket", "relay-5a3ffb3c8d4ea9ba-x", ""} {
		if isKey(name) {
			t.Errorf("%q is no key of ours", name)
		}
	}
}

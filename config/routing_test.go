package config

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestEveryKeyOfRoutingIsRead(t *testing.T) {
	c := parse(t, "relay.toml", small+`
[[listener]]
name = "tls"
listen = ["127.0.0.1:443"]
upstream = "web"
accept_proxy_from = ["10.9.0.0/24"]
sessions_max_per_source = 5
session_rate_per_source = 6
rate_up = "1MiB"
rate_down = "2MB"
session_rate_up = 4096
session_rate_down = "8KiB"
session_timeout = "1h"
backlog = 7
defer_accept = "3s"
keepalive = { idle = "1m", interval = "2s", count = 9 }
user_timeout = "500ms"
congestion = "bbr"
mptcp = true
fast_open = true
receive_buffer = "64KiB"
send_buffer = "128KiB"
[[listener.route]]
sni = ["Example.ORG", "*.example.org"]
alpn = ["h2"]
source = ["10.0.0.0/8"]
upstream = "out"
[[upstream]]
name = "out"
send_proxy = "v2"
bind = ["192.0.2.1", "2001:db8::1"]
interface = "eth0"
mark = 4294967295
fast_open = true
[[upstream.backend]]
address = "127.0.0.1:9009"
`)
	l, u := c.Listeners[1], c.Upstreams[1]
	prefix := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	wantEqual(t, l.AcceptProxyFrom, prefix("10.9.0.0/24"))
	wantEqual(t, [2]int{l.SessionsMaxPerSource, l.SessionRatePerSource}, [2]int{5, 6})
	wantEqual(t, l.Rates, Rates{Up: 1 << 20, Down: 2_000_000, SessionUp: 4096, SessionDown: 8192})
	wantEqual(t, l.SessionTimeout, time.Hour)
	wantEqual(t, l.Backlog, 7)
	wantEqual(t, l.DeferAccept, 3*time.Second)
	wantEqual(t, l.Sockets, Sockets{
		Keepalive: Keepalive{time.Minute, 2 * time.Second, 9}, UserTimeout: 500 * time.Millisecond,
		Congestion: "bbr", MPTCP: true, FastOpen: true, ReceiveBuffer: 64 << 10, SendBuffer: 128 << 10,
	})
	wantEqual(t, l.Routes, []Route{{[]string{"example.org", "*.example.org"}, []string{"h2"}, prefix("10.0.0.0/8"), "out"}})
	wantEqual(t, u.Outgoing, Outgoing{
		SendProxy: SendProxyV2, Bind: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")},
		Interface: "eth0", Mark: 1<<32 - 1,
	})
	wantEqual(t, u.FastOpen, true)
}

func wantEqual[T any](t *testing.T, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestMistakesOfRouting(t *testing.T) {
	const route = "[[listener.route]]\nupstream = \"web\"\n"
	for _, tc := range []struct{ name, table, lines, want string }{
		{"not a version", "upstream", `send_proxy = "v3"`, `upstream "web": send_proxy: "v3" is not among the choices; write "off", "v1" or "v2"`},
		{"not a peer", "listener", `accept_proxy_from = ["lb"]`, `listener "web": accept_proxy_from: "lb" is not an address range; write it like "10.0.0.0/8", "2001:db8::/32" or "192.0.2.7"`},
		{"source with a port", "upstream", `bind = ["192.0.2.1:0"]`, `upstream "web": bind: "192.0.2.1:0" is not an IP address; write one of this machine's, without a port, like "192.0.2.10"`},
		{"source for everything", "upstream", `bind = ["0.0.0.0"]`, `upstream "web": bind: "0.0.0.0" is no address to call from; write one of this machine's, like "192.0.2.10"`},
		{"long interface", "upstream", `interface = "a-very-long-interface"`, `upstream "web": interface: "a-very-long-interface" is not the name of a network interface; write one like "eth0"`},
		{"negative mark", "upstream", `mark = -1`, `upstream "web": mark: -1 is out of range; write a number from 0 to 4294967295`},
		{"odd congestion", "listener", `congestion = "b b r"`, `listener "web": congestion: "b b r" is not the name of a congestion control; write one like "bbr"`},
		{"no backlog", "listener", `backlog = 0`, `listener "web": backlog: 0 is out of range; write a number from 1 to 1048576`},
		{"fraction of a second", "listener", `defer_accept = "1500ms"`, `listener "web": defer_accept: "1500ms" is no whole number of seconds; write it like "30s"`},
		{"long keepalive", "upstream", `keepalive = { idle = "24h" }`, `upstream "web": keepalive: idle: "24h" is out of range; write a time from "0s" to "32767s"`},
		{"no probes", "listener", `keepalive = { count = 0 }`, `listener "web": keepalive: count: 0 is out of range; write a number from 1 to 127`},
		{"keepalive as a switch", "listener", `keepalive = true`, `listener "web": keepalive: true is not a table; write [keepalive] and its keys below`},
		{"tiny rate", "listener", `rate_up = 100`, `listener "web": rate_up: 100 bytes a second is out of range; write at least "1KiB", or 0 for no limit`},
		{"rate as a word", "listener", `session_rate_down = "fast"`, `listener "web": session_rate_down: "fast" is not a size; write it like "64KiB", "1MiB" or "2GB", or as a whole number of bytes`},
		{"negative limit", "drop", `sessions_max_per_source = -1`, `drop "files": sessions_max_per_source: -1 is out of range; write a number from 0 to 1000000000`},
		{"session timeout without a unit", "listener", `session_timeout = 60`, `listener "web": session_timeout: 60 has no unit; write "60s" for seconds`},
		{"small buffer before a header", "drop", "receive_buffer = \"4KiB\"\naccept_proxy_from = [\"::1\"]", `drop "files": receive_buffer: "4KiB" is too small to look at a PROXY header; write at least "64KiB"`},
		{"address as a name", "listener", route + `sni = ["192.0.2.1"]`, `listener "web": route 1: sni: "192.0.2.1" is an address, and TLS clients ask for names only; write a host name, or leave it to the listener's upstream`},
		{"star in the middle", "listener", route + `sni = ["www.*.org"]`, `listener "web": route 1: sni: "www.*.org" is not a host name; write it like "www.example.org" or "*.example.org", other letters as "xn--…"`},
		{"empty protocol", "listener", route + `alpn = [""]`, `listener "web": route 1: alpn: "" is not a protocol; write its ALPN name, like "h2" or "http/1.1"`},
		{"route for all", "listener", strings.TrimSuffix(route, "\n"), `listener "web": route 1: matches every session; write sni, alpn or source, or make it the listener's upstream`},
		{"route to nowhere", "listener", "[[listener.route]]\nsource = [\"::1\"]\nupstream = \"wbe\"", `listener "web": route 1: upstream: there is no upstream "wbe"; did you mean "web"?`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text, _ := insert(t, small+"[engine]\n[log]\n", tc.table, tc.lines)
			_, err := Parse("relay.toml", []byte(text))
			if err == nil || !strings.HasSuffix(err.Error(), tc.want) || strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("got\n%v\nwant\n%s", err, tc.want)
			}
		})
	}
}

func TestTransparentOrBind(t *testing.T) {
	text := strings.Replace(small, "[[upstream]]", "[[upstream]]\ntransparent = true\nbind = [\"127.0.0.1\"]", 1)
	wantMistakes(t, text, `relay.toml:7: upstream "web": transparent: the source is either the client's own address or one of bind; leave one of the two keys out`)
}

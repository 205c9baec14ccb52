package config

import (
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for _, tc := range []struct {
		in   any
		want int64
		err  error
	}{
		{int64(0), 0, nil},
		{int64(4097), 4097, nil},
		{"0", 0, nil},
		{"512", 512, nil},
		{"512B", 512, nil},
		{"64KiB", 64 << 10, nil},
		{"64 KiB", 64 << 10, nil},
		{"1MiB", 1 << 20, nil},
		{"3GiB", 3 << 30, nil},
		{"1TiB", 1 << 40, nil},
		{"1kB", 1000, nil},
		{"1KB", 1000, nil},
		{"5MB", 5e6, nil},
		{"2GB", 2e9, nil},
		{"1TB", 1e12, nil},
		{"0099B", 99, nil},
		{"9223372036854775807", math.MaxInt64, nil},
		{"9223372036854775808", math.MaxInt64, nil}, // out of every range
		{"8388608TiB", math.MaxInt64, nil},
		{"99999999999999999999TiB", math.MaxInt64, nil},
		{int64(-1), 0, errNegative},
		{"-64KiB", 0, errNegative},
		{"", 0, errNotSize},
		{" ", 0, errNotSize},
		{"KiB", 0, errNotSize},
		{"64k", 0, errNotSize},
		{"64K", 0, errNotSize},
		{"64kib", 0, errNotSize},
		{"64Kb", 0, errNotSize},
		{"64KiB ", 0, errNotSize},
		{" 64KiB", 0, errNotSize},
		{"64 ", 0, errNotSize},
		{"64\tKiB", 0, errNotSize},
		{"+64KiB", 0, errNotSize},
		{"1.5MiB", 0, errNotSize},
		{"1e3", 0, errNotSize},
		{"0x10", 0, errNotSize},
		{"1_000", 0, errNotSize},
		{"٣KiB", 0, errNotSize},
		{1.5, 0, errNotSize},
		{true, 0, errNotSize},
		{nil, 0, errNotSize},
	} {
		if got, err := bytesOf(tc.in); got != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%#v: got %d, %v", tc.in, got, err)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 1: "1B", 1000: "1000B", 1024: "1KiB", 1536: "1536B", 1 << 20: "1MiB", 3 << 29: "1536MiB", 1 << 40: "1TiB",
	} {
		if got := formatSize(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestTimeouts(t *testing.T) {
	for _, tc := range []struct {
		in   any
		want time.Duration // 0 = refused
	}{
		{"1ms", time.Millisecond},
		{"1.5s", 1500 * time.Millisecond},
		{"1h30m", 90 * time.Minute},
		{"87600h", 87600 * time.Hour},
		{"0", 0},
		{"0s", 0},
		{"999us", 0},
		{"-5s", 0},
		{"87601h", 0},
		{"9999999h", 0},
		{"1d", 0},
		{"30", 0},
		{"", 0},
		{"forever", 0},
		{int64(30), 0},
		{int64(0), 0},
		{int64(-30), 0},
		{1.5, 0},
		{false, 0},
	} {
		got, err := timeout(tc.in)
		if got != tc.want || (err == nil) != (tc.want > 0) {
			t.Errorf("%#v: got %v, %v", tc.in, got, err)
		}
	}
	if d, err := duration("0s"); d != 0 || err != nil {
		t.Errorf("a duration of nothing: got %v, %v", d, err)
	}
}

func TestAddresses(t *testing.T) {
	const backendToo, listenOnly = true, false
	for _, tc := range []struct {
		in, want string
		backend  bool
	}{
		{"127.0.0.1:8080", "127.0.0.1:8080", backendToo},
		{"[::1]:443", "[::1]:443", backendToo},
		{"[fe80::1%eth0]:443", "[fe80::1%eth0]:443", backendToo},
		{"[::ffff:192.0.2.1]:80", "192.0.2.1:80", backendToo},
		{"unix:/run/web.sock", "unix:/run/web.sock", backendToo},
		{"unix:web.sock", "unix:web.sock", backendToo},
		{"unix:@web", "unix:@web", backendToo},
		{"0.0.0.0:80", "0.0.0.0:80", listenOnly},
		{"[::]:80", "[::]:80", listenOnly},
		{"[::ffff:0.0.0.0]:80", "0.0.0.0:80", listenOnly},
		{"127.0.0.1:0", "127.0.0.1:0", listenOnly},
		{"systemd:web", "systemd:web", listenOnly},
		{"systemd:relay.socket", "systemd:relay.socket", listenOnly},
	} {
		if a, err := listenAddress(tc.in); err != nil || a.String() != tc.want {
			t.Errorf("listen %s: got %v, %v", tc.in, a, err)
		}
		if a, err := backendAddress(tc.in); (err == nil) != tc.backend || tc.backend && a.String() != tc.want {
			t.Errorf("backend %s: got %v, %v", tc.in, a, err)
		}
	}
}

func TestBadAddresses(t *testing.T) {
	const notOne = `is not an address; write it like "127.0.0.1:8080", "[::1]:8080" or "unix:/run/web.sock"`
	for _, tc := range []struct{ in, listen, backend string }{
		{"", notOne, notOne},
		{"banana", notOne, notOne},
		{"8080", notOne, notOne},
		{"127.0.0.1:", "has no usable port", "has no usable port"},
		{"127.0.0.1:http", "has no usable port", "has no usable port"},
		{"127.0.0.1:65536", "has no usable port", "has no usable port"},
		{"[::1]:-1", "has no usable port", "has no usable port"},
		{"127.0.0.1", `has no port; write it like "127.0.0.1:8080"`, "has no port"},
		{"[::1]", `has no port; write it like "[::1]:8080"`, "has no port"},
		{"::1", "needs brackets and a port", "needs brackets and a port"},
		{"::1:8080", "needs brackets and a port", "needs brackets and a port"},
		{"256.0.0.1:80", notOne, notOne},
		{"127.0.0.1:80 ", "has no usable port", "has no usable port"},
		{" 127.0.0.1:80", notOne, notOne},
		{"tcp://127.0.0.1:80", notOne, notOne},
		{":8080", `write "0.0.0.0:8080" for all of IPv4 or "[::]:8080" for all of IPv6`, "does not say which address"},
		{"*:8080", `write "0.0.0.0:8080" for all of IPv4 or "[::]:8080" for all of IPv6`, "does not say which address"},
		{":", notOne, notOne},
		{"localhost:8080", `"localhost" is a host name; write it like "127.0.0.1:8080"`, ""},
		{"web-1.example.org:80", "is a host name", ""},
		{"web..example.org:80", "is a host name", `"web..example.org" is not a host name`},
		{strings.Repeat("x", 64) + ":80", "is a host name", "is not a host name"},
		{"localhost", notOne, notOne},
		{"systemd:", "does not name sockets of systemd", notOne},
		{"systemd:a:b", "does not name sockets of systemd", notOne},
		{"systemd:a b", "does not name sockets of systemd", notOne},
		{"unix:", "has no path", "has no path"},
		{"unix:@", "has no path", "has no path"},
		{"unix:/run/\x00", "has no path", "has no path"},
		{strings.Repeat("x", 1000), notOne, notOne},
	} {
		if _, err := listenAddress(tc.in); err == nil || !strings.Contains(err.Error(), tc.listen) {
			t.Errorf("listen %q: got %v, want … %s …", tc.in, err, tc.listen)
		}
		_, err := backendAddress(tc.in)
		if (err == nil) != (tc.backend == "") || err != nil && !strings.Contains(err.Error(), tc.backend) {
			t.Errorf("backend %q: got %v, want … %s …", tc.in, err, tc.backend)
		}
	}
	for in, want := range map[string]string{
		"127.0.0.1:0": "nothing can be reached on port 0",
		"0.0.0.0:80":  "that is every address and none",
		"[::]:80":     "that is every address and none",
	} {
		if _, err := backendAddress(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("backend %q: got %v, want … %s …", in, err, want)
		}
	}
}

func TestPrefixes(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"10.1.2.3/8", "10.0.0.0/8"},
		{"192.0.2.7", "192.0.2.7/32"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"::/0", "::/0"},
		{"2001:db8::1", "2001:db8::1/128"},
		{"2001:db8::1/32", "2001:db8::/32"},
		{"::ffff:192.0.2.7", "192.0.2.7/32"},
		{"::ffff:10.1.2.3/104", "10.0.0.0/8"},
		{"::ffff:0:0/96", "0.0.0.0/0"},
		{"::ffff:0:0/95", ""},
		{"10.0.0.0/33", ""},
		{"10.0.0/8", ""},
		{"10.0.0.0/", ""},
		{"10.0.0.0/255.0.0.0", ""},
		{"fe80::1%eth0", ""},
		{"fe80::%eth0/64", ""},
		{"example.org", ""},
		{"127.0.0.1:80", ""},
		{"", ""},
	} {
		got, err := prefix(tc.in)
		if tc.want == "" {
			if err == nil {
				t.Errorf("%s: got %v, want an error", tc.in, got)
			}
			continue
		}
		if err != nil || got != netip.MustParsePrefix(tc.want) {
			t.Errorf("%s: got %v, %v", tc.in, got, err)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"listen", "idle_timeout", "header_timeout", "half_close_timeout", "name"}
	for word, want := range map[string]string{
		"lisen": "listen", "Listen": "listen", "listener": "listen", "idel_timeout": "idle_timeout",
		"idletimeout": "idle_timeout", "header-timeout": "header_timeout", "nmae": "name",
		"x": "", "": "", "timeout": "", "colour": "", "bananas": "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}} {
		if got := edits(tc.a, tc.b); got != tc.want {
			t.Errorf("%s to %s: got %d edits, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestALongValueIsCutInMessages(t *testing.T) {
	if got := quote(strings.Repeat("é", 100)); got != `"`+strings.Repeat("é", 60)+`…"` {
		t.Error(got)
	}
	if got := quote("x" + strings.Repeat("é", 100)); got != `"x`+strings.Repeat("é", 59)+`…"` {
		t.Error(got)
	}
}

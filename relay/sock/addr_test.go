package sock

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTCPAddress(t *testing.T) {
	for _, c := range []struct {
		in, out string
		family  int
	}{
		{"127.0.0.1:80", "127.0.0.1:80", unix.AF_INET},
		{"0.0.0.0:0", "0.0.0.0:0", unix.AF_INET},
		{"255.255.255.255:65535", "255.255.255.255:65535", unix.AF_INET},
		{"[::ffff:10.1.2.3]:258", "10.1.2.3:258", unix.AF_INET}, // IPv4 in IPv6 clothes
		{"[::1]:443", "[::1]:443", unix.AF_INET6},
		{"[2001:db8::8:0:1]:1", "[2001:db8::8:0:1]:1", unix.AF_INET6},
		{"[fe80::1%7]:22", "[fe80::1%7]:22", unix.AF_INET6},
		{"[2001:db8::1%7]:22", "[2001:db8::1]:22", unix.AF_INET6}, // a zone means something on a link only
	} {
		a, err := TCPAddress(netip.MustParseAddrPort(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if a.Family() != c.family || a.AddrPort().String() != c.out {
			t.Errorf("%s became %s of family %d, want %s of %d", c.in, a.AddrPort(), a.Family(), c.out, c.family)
		}
	}
}

func TestTCPAddressZone(t *testing.T) {
	all, err := net.Interfaces()
	if err != nil || len(all) == 0 {
		t.Fatal("no interfaces, not even the loopback's: ", err)
	}
	in := netip.MustParseAddrPort("[fe80::1]:22")
	a, err := TCPAddress(netip.AddrPortFrom(in.Addr().WithZone(all[0].Name), 22))
	if err != nil {
		t.Fatal(err)
	}
	if zone := a.AddrPort().Addr().Zone(); zone != strconv.Itoa(all[0].Index) {
		t.Errorf("the zone of %s is %q, want its index %d", all[0].Name, zone, all[0].Index)
	}
	if _, err := TCPAddress(netip.MustParseAddrPort("[fe80::1%no-such-link]:22")); err == nil {
		t.Error("an interface that is not there was accepted as a zone")
	}
}

func TestUnixAddress(t *testing.T) {
	const pathMax = 107
	for _, c := range []struct {
		path string
		size uint32 // 0 = refused
	}{
		{"/run/web.sock", 2 + 13 + 1},
		{"s", 2 + 1 + 1},
		{"@web", 2 + 4}, // an abstract name ends where its length says
		{strings.Repeat("x", pathMax), 2 + pathMax + 1},
		{strings.Repeat("x", pathMax+1), 0},
		{"", 0},
	} {
		a, err := UnixAddress(c.path)
		if (err != nil) != (c.size == 0) {
			t.Errorf("%q: error %v", c.path, err)
			continue
		}
		if err == nil && (a.size != c.size || a.Family() != unix.AF_UNIX || a.AddrPort().IsValid()) {
			t.Errorf("%q has %d bytes, family %d, %v; want %d bytes", c.path, a.size, a.Family(), a.AddrPort(), c.size)
		}
	}
}

package config

import (
	"fmt"
	"net/netip"
)

// mappedBits is how much of ::ffff:0:0/96 stands before an IPv4 address.
const mappedBits = 96

// prefix is a range of client addresses. A bare address is a range of one; bits
// behind the mask are cleared; IPv4 in IPv6 clothes is IPv4, because that is how
// the addresses of clients are compared.
func prefix(v any) (netip.Prefix, error) {
	s, ok := v.(string)
	if !ok {
		return netip.Prefix{}, fmt.Errorf("%s is not an address range; write it like \"10.0.0.0/8\"", describe(v))
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%s is not an address range; write it like \"10.0.0.0/8\", \"2001:db8::/32\" or \"192.0.2.7\"", quote(s))
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if !p.Addr().Is4In6() {
		return p.Masked(), nil
	}
	if p.Bits() < mappedBits {
		return netip.Prefix{}, fmt.Errorf("%s is wider than IPv4; write an IPv4 range like \"10.0.0.0/8\"", quote(s))
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits).Masked(), nil
}

package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

const addressForms = `write it like "127.0.0.1:8080", "[::1]:8080" or "unix:/run/web.sock"`

// listenAddress is where clients are accepted. Port 0 lets the kernel choose.
func listenAddress(v any) (Address, error) {
	s, ok := v.(string)
	if !ok {
		return Address{}, fmt.Errorf("%s is not an address; %s", describe(v), addressForms)
	}
	if name, ok := strings.CutPrefix(s, "systemd:"); ok {
		return systemdSockets(s, name)
	}
	if host, port, ok := splitName(s); ok {
		return Address{}, fmt.Errorf("%s: a listener needs an IP address, and %s is a host name; write it like \"127.0.0.1:%s\"",
			quote(s), quote(host), port)
	}
	return parseAddress(s)
}

// socketNameMost is the longest name that systemd gives a socket.
const socketNameMost = 255

// systemdSockets are those of socket units, by their FileDescriptorName= (systemd.socket(5)).
func systemdSockets(s, name string) (Address, error) {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }
	if name == "" || len(name) > socketNameMost || strings.ContainsFunc(name, odd) {
		return Address{}, fmt.Errorf("%s does not name sockets of systemd; write what FileDescriptorName= of the socket unit says, like \"systemd:web\"", quote(s))
	}
	return Address{Systemd: name}, nil
}

// adminAddress is where the admin interface listens: a file or an address of its own.
func adminAddress(v any) (Address, error) {
	a, err := listenAddress(v)
	if err == nil && strings.HasPrefix(a.Unix, "@") {
		return Address{}, fmt.Errorf("%s: an abstract socket has no file mode to guard it; write a path, like \"unix:/run/relay/admin.sock\"", quote(v.(string)))
	}
	return a, err
}

// backendAddress is where sessions go, so it must be one that can be called.
func backendAddress(v any) (Address, error) {
	s, ok := v.(string)
	if !ok {
		return Address{}, fmt.Errorf("%s is not an address; %s", describe(v), addressForms)
	}
	if host, port, ok := splitName(s); ok {
		return hostAddress(s, host, port)
	}
	a, err := parseAddress(s)
	switch {
	case err != nil || a.IsUnix():
		return a, err
	case a.TCP.Port() == 0:
		return Address{}, fmt.Errorf("%s: nothing can be reached on port 0; write a port from 1 to 65535", quote(s))
	case a.TCP.Addr().IsUnspecified():
		return Address{}, fmt.Errorf("%s: that is every address and none; write the backend's own, or 127.0.0.1 for this machine", quote(s))
	}
	return a, nil
}

// hostAddress is a backend by name, which is looked up while relay runs.
func hostAddress(s, host, port string) (Address, error) {
	if !isDomain(host) {
		return Address{}, fmt.Errorf("%s: %s is not a host name; write it like \"app.example.org:80\"", quote(s), quote(host))
	}
	n, _ := strconv.ParseUint(port, 10, 16)
	if n == 0 {
		return Address{}, fmt.Errorf("%s: nothing can be reached on port 0; write a port from 1 to 65535", quote(s))
	}
	return Address{Host: strings.ToLower(host), TCP: netip.AddrPortFrom(netip.Addr{}, uint16(n))}, nil
}

// isDomain reports whether a name fits into the DNS (RFC 1035, section 2.3.4).
func isDomain(s string) bool {
	s = strings.TrimSuffix(s, ".")
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return len(s) <= 253
}

// serviceName is the name of SRV records, with a scheme before it that leaves room for
// other ways to discover.
func serviceName(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s is not a text; write \"srv:_web._tcp.example.org\"", describe(v))
	}
	if s == "" {
		return "", nil
	}
	name, ok := strings.CutPrefix(s, "srv:")
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}
	if !ok || !isDomain(name) || strings.ContainsFunc(name, odd) {
		return "", fmt.Errorf("%s does not name SRV records; write it like \"srv:_web._tcp.example.org\"", quote(s))
	}
	return strings.ToLower(name), nil
}

// resolverAddress is a name server; the port may be left out. An empty one is the
// system's.
func resolverAddress(v any) (Address, error) {
	s, ok := v.(string)
	if !ok {
		return Address{}, fmt.Errorf("%s is not an address; write it like \"127.0.0.1:53\"", describe(v))
	}
	if s == "" {
		return Address{}, nil
	}
	if ip, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return Address{TCP: netip.AddrPortFrom(ip.Unmap(), 53)}, nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil || ap.Port() == 0 || ap.Addr().IsUnspecified() {
		return Address{}, fmt.Errorf("%s is not the address of a name server; write it like \"127.0.0.1:53\" or \"[::1]:53\"", quote(s))
	}
	return Address{TCP: netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())}, nil
}

func parseAddress(s string) (Address, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" || path == "@" || strings.ContainsRune(path, 0) {
			return Address{}, fmt.Errorf("%s has no path; write it like \"unix:/run/web.sock\" or \"unix:@web\"", quote(s))
		}
		return Address{Unix: path}, nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return Address{}, fmt.Errorf("%s %s", quote(s), notAddress(s))
	}
	return Address{TCP: netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())}, nil
}

// notAddress says what is wrong with an address that did not parse.
func notAddress(s string) string {
	if a, err := netip.ParseAddr(s); err == nil && a.Is6() {
		return `needs brackets and a port, because ':' means both; write it like "[::1]:8080"`
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return fmt.Sprintf("has no port; write it like %q", netip.AddrPortFrom(a, 8080))
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "is not an address; " + addressForms
	}
	host, port := s[:i], s[i+1:]
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case err == nil && !isPort(port):
		return "has no usable port; write a number from 0 to 65535 after the last ':'"
	case isPort(port) && (host == "" || host == "*"):
		return fmt.Sprintf("does not say which address; write \"0.0.0.0:%s\" for all of IPv4 or \"[::]:%s\" for all of IPv6", port, port)
	}
	return "is not an address; " + addressForms
}

// splitName takes apart a host name and a port, and refuses what is or looks
// like an IP address.
func splitName(s string) (host, port string, ok bool) {
	host, port, ok = strings.Cut(s, ":")
	if !ok || !isPort(port) || host == "" {
		return "", "", false
	}
	letters := false
	for _, r := range host {
		switch {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			letters = true
		case r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_':
		default:
			return "", "", false
		}
	}
	return host, port, letters
}

func isPort(s string) bool {
	_, err := netip.ParseAddrPort("0.0.0.0:" + s)
	return err == nil
}

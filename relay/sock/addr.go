package sock

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Address is a socket address in the kernel's own form: built once for a backend and
// used for every connect, or filled in by Accept.
type Address struct {
	raw  unix.RawSockaddrAny
	size uint32
}

// TCPAddress is the kernel's form of an IP address and port. An IPv6 zone must name
// an interface of this machine.
func TCPAddress(ap netip.AddrPort) (Address, error) {
	var a Address
	ip := ap.Addr().Unmap()
	if ip.Is4() {
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.raw))
		sa.Family, sa.Addr = unix.AF_INET, ip.As4()
		setPort(&sa.Port, ap.Port())
		a.size = unix.SizeofSockaddrInet4
		return a, nil
	}
	sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(&a.raw))
	sa.Family, sa.Addr = unix.AF_INET6, ip.As16()
	setPort(&sa.Port, ap.Port())
	a.size = unix.SizeofSockaddrInet6
	if zone := ip.Zone(); zone != "" {
		index, err := zoneIndex(zone)
		if err != nil {
			return Address{}, err
		}
		sa.Scope_id = index
	}
	return a, nil
}

// UnixAddress is the kernel's form of a unix socket's path; a leading '@' means the
// abstract namespace.
func UnixAddress(path string) (Address, error) {
	var a Address
	sa := (*unix.RawSockaddrUnix)(unsafe.Pointer(&a.raw))
	if path == "" || len(path) >= len(sa.Path) {
		return a, fmt.Errorf("unix socket path %q: must have 1 to %d bytes", path, len(sa.Path)-1)
	}
	sa.Family = unix.AF_UNIX
	for i := range len(path) {
		sa.Path[i] = int8(path[i])
	}
	a.size = uint32(unsafe.Offsetof(sa.Path)) + uint32(len(path))
	if path[0] == '@' {
		sa.Path[0] = 0
	} else {
		a.size++ // the terminating zero belongs to a path, not to an abstract name
	}
	return a, nil
}

// Family is unix.AF_INET, AF_INET6 or AF_UNIX.
func (a *Address) Family() int { return int(a.raw.Addr.Family) }

// AddrPort is the address in Go's form; the zero value for a unix socket.
func (a *Address) AddrPort() netip.AddrPort {
	switch a.raw.Addr.Family {
	case unix.AF_INET:
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.raw))
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), port(&sa.Port))
	case unix.AF_INET6:
		sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(&a.raw))
		ip := netip.AddrFrom16(sa.Addr).Unmap()
		if sa.Scope_id != 0 && ip.IsLinkLocalUnicast() {
			ip = ip.WithZone(strconv.Itoa(int(sa.Scope_id)))
		}
		return netip.AddrPortFrom(ip, port(&sa.Port))
	}
	return netip.AddrPort{}
}

// UnixPath is the path of a unix socket's address; a leading '@' means the abstract
// namespace. It is "" for others.
func (a *Address) UnixPath() string {
	sa := (*unix.RawSockaddrUnix)(unsafe.Pointer(&a.raw))
	n := int(a.size) - int(unsafe.Offsetof(sa.Path))
	if a.raw.Addr.Family != unix.AF_UNIX || n <= 0 {
		return ""
	}
	path := make([]byte, n)
	for i := range path {
		path[i] = byte(sa.Path[i])
	}
	if path[0] == 0 {
		path[0] = '@'
		return string(path)
	}
	text, _, _ := strings.Cut(string(path), "\x00") // the kernel counts the zero at its end
	return text
}

func zoneIndex(zone string) (uint32, error) {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	ifi, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, fmt.Errorf("IPv6 zone %q: %w", zone, err)
	}
	return uint32(ifi.Index), nil
}

// Ports are in network byte order, whatever this machine's is.
func setPort(p *uint16, v uint16) {
	b := (*[2]byte)(unsafe.Pointer(p))
	b[0], b[1] = byte(v>>8), byte(v)
}

func port(p *uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(p))
	return uint16(b[0])<<8 | uint16(b[1])
}

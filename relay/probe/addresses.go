package probe

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const addressWhy = "relay does not start if it cannot listen there"

// address checks that an address can be listened on, or is relay's own already.
func (m *Machine) address(a Address) *verdict {
	if a.Unix != "" {
		return m.unixAddress(a)
	}
	switch err := m.bind(a.TCP); {
	case err == nil:
		return check(a.Check, addressWhy, "%s is free", a.TCP)
	case errors.Is(err, unix.EADDRINUSE):
		return m.taken(a.Check, a.TCP.String(), m.listeners(a.TCP))
	case errors.Is(err, unix.EACCES):
		return check(a.Check, addressWhy, "%s needs a privilege", a.TCP).when(true, Note, "see low ports, above")
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return check(a.Check, addressWhy, "%s: this machine has no such address", a.TCP).
			when(true, Problem, "listen on one that it has (ip addr), or on all: 0.0.0.0 or [::]; one that comes later needs After= in the unit")
	default:
		return check(a.Check, addressWhy, "%s: %v", a.TCP, err).when(true, Problem, "listen elsewhere; without IPv6 on 127.0.0.1 or 0.0.0.0")
	}
}

// taken judges an address that somebody has.
func (m *Machine) taken(name, at string, by []process) *verdict {
	const show = "as root `ss -lntxp` shows who has it"
	for _, p := range by { // beside a relay, on another of the addresses that are wanted
		if !p.relay && p.id != 1 {
			return check(name, addressWhy, "%s is taken by %s (process %d)", at, p.name, p.id).
				when(true, Problem, "stop that, or listen elsewhere; %s", show)
		}
	}
	for _, p := range by {
		if p.relay {
			return check(name, addressWhy, "%s is relay's already (process %d)", at, p.id)
		}
	}
	for _, p := range by {
		if p.id == 1 {
			return check(name, addressWhy, "%s is taken by %s (process 1)", at, p.name).
				when(true, Note, "fine if a socket unit opens it for relay (systemctl list-sockets); else stop that unit")
		}
	}
	v := check(name, addressWhy, "%s is taken, and %s cannot see by whom", at, userName(m.user()))
	if p, runs := m.aRelay(); runs {
		return v.when(true, Note, "fine if it is the relay that runs (process %d); %s", p.id, show)
	}
	return v.when(true, Warning, "no relay runs here: stop what has it, or listen elsewhere; %s", show)
}

// unixAddress looks at the file of a unix socket, and at its directory if there is none.
func (m *Machine) unixAddress(a Address) *verdict {
	name := "unix:" + a.Unix
	if by, listens := m.unixListeners(a.Unix); listens {
		return m.taken(a.Check, name, by)
	}
	if a.Unix[0] == '@' {
		return check(a.Check, addressWhy, "%s is free", name)
	}
	info, err := os.Lstat(a.Unix)
	if err == nil && info.Mode().Type() != os.ModeSocket {
		return check(a.Check, addressWhy, "%s is no socket", name).when(true, Problem, "remove what is there, or listen elsewhere")
	}
	directory := filepath.Dir(a.Unix)
	if _, gone := os.Stat(directory); errors.Is(gone, fs.ErrNotExist) {
		return check(a.Check, addressWhy, "there is no %s", directory).when(true, Problem, "mkdir %s, or RuntimeDirectory= in the unit", directory)
	}
	free := check(a.Check, addressWhy, "%s is free", name)
	if err == nil {
		free = check(a.Check, addressWhy, "%s was left behind, and relay takes its place", name)
	}
	mayNot := unix.Faccessat(unix.AT_FDCWD, directory, unix.W_OK|unix.X_OK, unix.AT_EACCESS) != nil
	return free.when(mayNot, Problem, "%s may not make a socket in %s: chown it, or RuntimeDirectory= in the unit", userName(m.user()), directory)
}

// tryBind binds an address as relay does, and does not listen: no client ever notices.
func tryBind(a netip.AddrPort) error {
	family := unix.AF_INET6
	var at unix.Sockaddr
	if a.Addr().Is4() {
		family, at = unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	} else {
		six := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
		if zone := strings.TrimSpace(a.Addr().Zone()); zone != "" {
			six.ZoneId = zoneIndex(zone)
		}
		at = six
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if family == unix.AF_INET6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	return unix.Bind(fd, at)
}

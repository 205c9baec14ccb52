package probe

import "golang.org/x/sys/unix"

// privileges checks the capabilities that the configuration needs, and nothing else:
// relay runs as any user.
func (m *Machine) privileges(n Needs) []*verdict {
	lowest := m.number("net.ipv4.ip_unprivileged_port_start", 1024)
	low := n.LowestPort > 0 && int64(n.LowestPort) < lowest
	bind := m.capable(unix.CAP_NET_BIND_SERVICE)
	ports := check("low ports", "listening below ip_unprivileged_port_start needs CAP_NET_BIND_SERVICE", "none asked for; the first free one is %d", lowest)
	if low {
		ports = check("low ports", "listening below ip_unprivileged_port_start needs CAP_NET_BIND_SERVICE", "port %d, the first free one is %d; the capability is %s",
			n.LowestPort, lowest, held(bind)).
			when(!bind, Problem, "AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or sysctl -w net.ipv4.ip_unprivileged_port_start=%d, or a socket unit", n.LowestPort)
	}
	admin := m.capable(unix.CAP_NET_ADMIN) || m.capable(unix.CAP_NET_RAW)
	transparent := check("transparent", "to use a client's address needs CAP_NET_ADMIN or CAP_NET_RAW", "not asked for")
	if n.Transparent {
		transparent = check("transparent", "to use a client's address needs CAP_NET_ADMIN or CAP_NET_RAW", "asked for; the capability is %s", held(admin)).
			when(!admin, Problem, "AmbientCapabilities=CAP_NET_ADMIN in the unit")
	}
	resource := m.capable(unix.CAP_SYS_RESOURCE)
	return []*verdict{
		ports, transparent,
		check("CAP_SYS_RESOURCE", "lifts the limits on pipes; relay works without it", "%s", held(resource)).
			when(!resource, Note, "AmbientCapabilities=CAP_SYS_RESOURCE in the unit, if the pipes above warn"),
	}
}

func held(is bool) string {
	if is {
		return "held"
	}
	return "not held"
}

package probe

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// attempts is what sockets of this kernel can be asked for.
type attempts struct {
	mptcp bool
	tls   bool // kTLS
}

// tcp checks buffers, congestion control and what else TCP offers here.
func (m *Machine) tcp(n Needs) []*verdict {
	all := []*verdict{
		m.buffer("receive buffer", "net.ipv4.tcp_rmem", n),
		m.buffer("send buffer", "net.ipv4.tcp_wmem", n),
		m.memory(),
		m.congestion(),
	}
	can := m.attempt()
	mptcp := m.sysctl("net.mptcp.enabled")
	tfo := m.number("net.ipv4.tcp_fastopen", 0)
	return append(
		all,
		check("MPTCP", "clients with several paths could use them all; relay does not ask for it", "%s", present(can.mptcp && mptcp == "1")).
			when(!can.mptcp || mptcp != "1", Note, "only if wanted: CONFIG_MPTCP, and sysctl -w net.mptcp.enabled=1"),
		check("TCP fast open", "saves a round trip for clients that come again; relay does not ask for it", "%s", fastOpen[tfo&3]).
			when(tfo&2 == 0, Note, "only if wanted: sysctl -w net.ipv4.tcp_fastopen=3"),
		check("kTLS", "would let encrypted streams be spliced too; relay has no TLS of its own", "%s", present(can.tls)).
			when(!can.tls, Note, "only if wanted: modprobe tls"),
	)
}

var fastOpen = [4]string{"off", "for connecting", "for listening", "for both"}

func present(is bool) string {
	if is {
		return "available"
	}
	return "not available"
}

// buffer checks how far a socket's buffer may grow: a fill takes no more than the source
// holds, a flush gives no more than the sink takes.
func (m *Machine) buffer(name, setting string, n Needs) *verdict {
	v := m.numbers(setting)
	if len(v) != 3 {
		return check(name, "how much one call can move", "unknown").when(true, Note, "")
	}
	want := int64(max(n.SpliceChunk, 1))
	return check(name, "one splice moves no more than a socket holds; its memory counts twice what it carries",
		"%s at first, up to %s; splice_chunk %s", sizeText(v[1]), sizeText(v[2]), sizeText(want)).
		when(v[2] < 2*want, Warning, "sysctl -w %s='%d %d %d'", setting, v[0], v[1], max(4*want, 4<<20))
}

// memory checks how near TCP is to the limit at which the kernel shrinks every window.
func (m *Machine) memory() *verdict {
	v := m.numbers("net.ipv4.tcp_mem")
	if len(v) != 3 {
		return check("TCP memory", "what all sockets hold together", "unknown").when(true, Note, "")
	}
	page := int64(os.Getpagesize())
	used := m.sockets("TCP", "mem")
	return check("TCP memory", "from the middle value on the kernel shrinks windows, and everything slows down",
		"%s in use, pressure at %s", sizeText(used*page), sizeText(v[1]*page)).
		when(used > v[1]/2, Note, "sysctl -w net.ipv4.tcp_mem='%d %d %d'", v[0]*2, v[1]*2, v[2]*2).
		when(used >= v[1], Warning, "sysctl -w net.ipv4.tcp_mem='%d %d %d'", v[0]*2, v[1]*2, v[2]*2)
}

func (m *Machine) congestion() *verdict {
	now := m.sysctl("net.ipv4.tcp_congestion_control")
	others := strings.Fields(m.sysctl("net.ipv4.tcp_available_congestion_control"))
	slices.Sort(others)
	v := check("congestion control", "bbr keeps its rate on long or lossy paths; cubic costs less CPU on short and clean ones",
		"%s (there are %s)", now, strings.Join(others, ", "))
	return v.when(now == "reno", Note, "sysctl -w net.ipv4.tcp_congestion_control=cubic")
}

// attemptSockets asks for sockets that are never used.
func attemptSockets() (a attempts) {
	const mptcp = 262 // IPPROTO_MPTCP
	if fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, mptcp); err == nil {
		a.mptcp = true
		unix.Close(fd)
	}
	pair, err := tcpPair()
	if err != nil {
		return a
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	a.tls = unix.SetsockoptString(pair[0], unix.IPPROTO_TCP, unix.TCP_ULP, "tls") == nil
	return a
}

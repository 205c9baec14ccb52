package probe

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	// Reserve is the number of descriptors kept for what is not a session: listening sockets,
	// loops, logs, files being opened.
	Reserve = 64
	// fewSessions is a limit that a busy server meets.
	fewSessions = 8192
	// timeWait is how long a port rests after a connection that this side closed first.
	timeWait = 60
)

// limits checks descriptors, the backlog and local ports.
func (m *Machine) limits(n Needs) []*verdict {
	all := []*verdict{m.descriptors(n), m.backlog(n)}
	return append(all, m.ports(n)...)
}

// Shares are what the descriptors that a process may have are for.
type Shares struct {
	Sessions int64 // how many there may be, of two descriptors each
	Pipes    int64 // of two each as well
	Bundles  int64 // descriptors of files and directories that come in bundles, if any may
}

// Divide shares descriptors out: what is no session gets what it needs, but pipes a quarter of all
// at most, and bundles an eighth. (A pool with fewer pipes copies more, and smaller batches of
// files are slower; sessions that cannot be wait.)
func Divide(descriptors int64, n Needs) Shares {
	var s Shares
	if n.PipeSize > 0 {
		s.Pipes = min(2*n.PipeBudget/int64(n.PipeSize), descriptors/4) / 2
	}
	s.Bundles = min(n.Bundles, descriptors/8)
	s.Sessions = max((descriptors-Reserve-2*s.Pipes-s.Bundles)/2, 1)
	return s
}

// descriptors are two for a session and two for a pipe, beside those set aside for bundles.
func (m *Machine) descriptors(n Needs) *verdict {
	limit := m.limit()
	share := Divide(limit, n)
	sessions := share.Sessions
	wanted, why := n.SessionsMax, fmt.Sprintf("sessions_max %d", n.SessionsMax)
	if wanted == 0 {
		wanted, why = min(sessions, fewSessions), "sessions_max is what fits"
	}
	raise := 2*max(n.SessionsMax, 50000) + 4*share.Pipes + n.Bundles + Reserve
	return check("descriptors", "a session takes two; beyond the limit clients wait in the backlog", "%d allowed, enough for %d sessions; %s", limit, sessions, why).
		when(n.SessionsMax > sessions, Problem, "LimitNOFILE=%d in the unit (ulimit -Hn), or sessions_max = %d", raise, sessions).
		when(wanted < fewSessions && n.SessionsMax == 0, Warning, "LimitNOFILE=%d in the unit (ulimit -Hn)", raise)
}

func (m *Machine) backlog(n Needs) *verdict {
	most := m.number("net.core.somaxconn", 128)
	pending := m.number("net.ipv4.tcp_max_syn_backlog", 0)
	return check("backlog", "clients that come in a burst wait there; beyond it they are dropped and try again a second later",
		"somaxconn %d, asked for %d; tcp_max_syn_backlog %d", most, n.Backlog, pending).
		when(most < int64(n.Backlog), Warning, "sysctl -w net.core.somaxconn=%d", n.Backlog)
}

// ports checks what connections to backends use up.
func (m *Machine) ports(n Needs) []*verdict {
	span := m.numbers("net.ipv4.ip_local_port_range")
	if len(span) != 2 {
		return []*verdict{check("local ports", "each connection to a backend takes one", "unknown").when(true, Note, "")}
	}
	ports := span[1] - span[0] + 1
	resting, most := m.sockets("TCP", "tw"), m.number("net.ipv4.tcp_max_tw_buckets", 0)
	reuse := m.number("net.ipv4.tcp_tw_reuse", 0)
	often := n.Backends > 0
	return []*verdict{
		check("local ports", "a connection to a backend takes one, and holds it for a minute if relay closed first",
			"%d for each backend address: %d connections open, %d new ones a second if relay closes first; tcp_tw_reuse %d", ports, ports, ports/timeWait, reuse).
			when(ports < 16384, Warning, "sysctl -w net.ipv4.ip_local_port_range='1024 65535'").
			when(often && reuse == 0, Note, "sysctl -w net.ipv4.tcp_tw_reuse=1: a new connection may then take a resting port after a second").
			when(!often && ports < 28000, Note, "sysctl -w net.ipv4.ip_local_port_range='1024 65535'"),
		check("TIME_WAIT", "connections that rest after their end; too many use up ports and memory", "%d of at most %d", resting, most).
			when(often && resting > ports/2, Warning, "sysctl -w net.ipv4.tcp_tw_reuse=1; more backend addresses; find who opens so many short connections").
			when(most > 0 && resting > most/10*9, Warning, "sysctl -w net.ipv4.tcp_max_tw_buckets=%d", 2*most),
	}
}

// sockets is a value of /proc/net/sockstat.
func (m *Machine) sockets(protocol, name string) int64 {
	for line := range strings.Lines(m.text("proc/net/sockstat")) {
		rest, found := strings.CutPrefix(line, protocol+":")
		if !found {
			continue
		}
		words := strings.Fields(rest)
		for i := 0; i+1 < len(words); i += 2 {
			if words[i] == name {
				n, _ := strconv.ParseInt(words[i+1], 10, 64)
				return n
			}
		}
	}
	return 0
}

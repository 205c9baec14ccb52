package listen

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/sock"
)

// Settings turns what the file says of sockets into what the kernel is told, for the
// clients' sockets and the backends' alike.
func Settings(c *config.Sockets) sock.Settings {
	var all sock.Settings
	add := func(key string, level, option, value int) {
		if value > 0 {
			all = append(all, sock.Setting{Key: key, Level: level, Option: option, Value: value})
		}
	}
	if c.Congestion != "" {
		all = append(all, sock.Setting{Key: "congestion", Level: unix.IPPROTO_TCP, Option: unix.TCP_CONGESTION, Text: c.Congestion})
	}
	add("receive_buffer", unix.SOL_SOCKET, unix.SO_RCVBUF, c.ReceiveBuffer)
	add("send_buffer", unix.SOL_SOCKET, unix.SO_SNDBUF, c.SendBuffer)
	add("user_timeout", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(c.UserTimeout.Milliseconds()))
	if k := &c.Keepalive; k.Idle > 0 {
		add("keepalive", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
		add("keepalive", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(k.Idle/time.Second))
		add("keepalive", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(k.Interval/time.Second))
		add("keepalive", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, k.Count)
	}
	return all
}

// fastOpenQueue is how many connections may wait whose first bytes came before their
// handshake was over.
const fastOpenQueue = 256

// settings are those of a listening socket; what it accepts inherits them.
func settings(c *config.Service) sock.Settings {
	all := Settings(&c.Sockets)
	if c.DeferAccept > 0 {
		all = append(all, sock.Setting{Key: "defer_accept", Level: unix.IPPROTO_TCP, Option: unix.TCP_DEFER_ACCEPT, Value: int(c.DeferAccept / time.Second)})
	}
	if c.FastOpen {
		all = append(all, sock.Setting{Key: "fast_open", Level: unix.IPPROTO_TCP, Option: unix.TCP_FASTOPEN, Value: fastOpenQueue})
	}
	return all
}

// Explain says what is missing where the kernel refuses a setting.
func Explain(s *sock.Setting, err error) error {
	key := s.Key
	if s.Text != "" {
		key += " " + strconv.Quote(s.Text)
	}
	switch {
	case s.Key == "congestion" && err == unix.ENOENT:
		return fmt.Errorf("%s: the kernel has no such congestion control, it has %s; load its module, or write one of those",
			key, sysctl("net/ipv4/tcp_available_congestion_control"))
	case s.Key == "congestion" && err == unix.EPERM:
		return fmt.Errorf("%s: needs CAP_NET_ADMIN, or a place in net.ipv4.tcp_allowed_congestion_control (now %s)",
			key, sysctl("net/ipv4/tcp_allowed_congestion_control"))
	case s.Key == "interface" && err == unix.ENODEV:
		return fmt.Errorf("%s: this machine has no such network interface", key)
	case err == unix.EPERM:
		return fmt.Errorf("%s: needs the capability CAP_NET_ADMIN (in a systemd unit: AmbientCapabilities=CAP_NET_ADMIN)", key)
	}
	return fmt.Errorf("%s: %w", key, err)
}

func sysctl(name string) string {
	text, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// fastOpenServer is the bit of net.ipv4.tcp_fastopen without which a listening socket's
// option does nothing.
const fastOpenServer = 2

// warnOfFastOpen says so when fast_open is asked for and the kernel is told not to.
func (s *Service) warnOfFastOpen() {
	if n, err := strconv.Atoi(sysctl("net/ipv4/tcp_fastopen")); s.Config.FastOpen && err == nil && n&fastOpenServer == 0 {
		s.log.Warn().Int("net.ipv4.tcp_fastopen", n).Msg("fast_open has no effect until net.ipv4.tcp_fastopen has bit 2 set, for example 3")
	}
}

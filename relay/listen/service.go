package listen

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/flow"
	"relay/relay/sock"
)

// Conn is an accepted connection. Whoever takes it owns the descriptor.
type Conn struct {
	FD     int
	Kind   flow.Kind
	Client netip.AddrPort // the zero value for a unix socket
}

// Taker serves the connections of one service on one loop; both methods run on that
// loop's thread.
type Taker interface {
	// Take owns the connection and calls Service.Leave when it ends.
	Take(c Conn)
	// Refused is told of a connection that was reset at once, and why.
	Refused(c Conn, why Refusal)
}

// Refusal is why a connection was not taken, in the access log's words.
type Refusal string

// The refusals.
const (
	Denied Refusal = "denied"       // by allow or deny
	Full   Refusal = "sessions_max" // of this service
)

// Capacity bounds the sessions of the whole process. At the bound accepting pauses, so
// that clients wait in the backlog instead of being turned away.
type Capacity struct {
	Max  int64
	used atomic.Int64
}

func (c *Capacity) full() bool { return c.used.Load() >= c.Max }

// Used is the number of sessions now.
func (c *Capacity) Used() int64 { return c.used.Load() }

// Service is one listener or drop: its listening sockets and what is counted for all
// loops together.
type Service struct {
	Config   config.Service
	Role     string // "listener" or "drop": the key of its name in the log
	log      zerolog.Logger
	capacity *Capacity
	sessions atomic.Int64
	sockets  []*socket
	short    shortage     // accepting is paused
	serving  atomic.Int32 // acceptors that have not left
}

type socket struct {
	fd   int
	kind flow.Kind
	path string // of a unix socket in the file system, to be removed
	name string // what the log calls it
}

// addressesMost is how many addresses an acceptor can tell apart by the tag of an event.
const addressesMost = 1 << 8

// Open opens the service's sockets; on an error none stays open.
func Open(role string, c config.Service, capacity *Capacity, log zerolog.Logger) (*Service, error) {
	if len(c.Listen) > addressesMost {
		return nil, fmt.Errorf("%s %q: listens on %d addresses, at most %d are possible", role, c.Name, len(c.Listen), addressesMost)
	}
	s := &Service{Config: c, Role: role, capacity: capacity, log: log.With().Str(role, c.Name).Logger()}
	for _, address := range c.Listen {
		so, err := open(address)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("%s %q: listen %s: %w", role, c.Name, address, err)
		}
		s.sockets = append(s.sockets, so)
		s.log.Info().Str("address", so.name).Msg("listening")
	}
	return s, nil
}

func open(a config.Address) (*socket, error) {
	if a.IsUnix() {
		return openUnix(a.Unix)
	}
	at, err := sock.TCPAddress(a.TCP)
	if err != nil {
		return nil, err
	}
	fd, err := sock.Listen(&at)
	if err != nil {
		return nil, err
	}
	bound := sock.LocalAddress(fd)
	return &socket{fd: fd, kind: flow.TCP, name: bound.AddrPort().String()}, nil
}

// openUnix takes the place of a socket that a dead process left behind, never that of
// a live one.
func openUnix(path string) (*socket, error) {
	at, err := sock.UnixAddress(path)
	if err != nil {
		return nil, err
	}
	so := &socket{kind: flow.Unix, name: "unix:" + path}
	if path[0] != '@' {
		so.path = path
	}
	so.fd, err = sock.Listen(&at)
	if errors.Is(err, unix.EADDRINUSE) && so.path != "" && stale(path, &at) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		so.fd, err = sock.Listen(&at)
	}
	if err != nil {
		return nil, err
	}
	return so, nil
}

// stale reports that path is a socket nobody listens on.
func stale(path string, at *sock.Address) bool {
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	fd, errno := sock.Dial(at)
	if errno == 0 {
		sock.Close(fd)
	}
	return errno == unix.ECONNREFUSED
}

// Leave gives back the place of a connection that a Taker has taken.
func (s *Service) Leave() {
	s.sessions.Add(-1)
	s.capacity.used.Add(-1)
}

// Sessions is the number of sessions of this service now.
func (s *Service) Sessions() int64 { return s.sessions.Load() }

// admit counts a connection in or says why not.
func (s *Service) admit(c Conn) Refusal {
	if c.Kind == flow.TCP && !allowed(&s.Config, c.Client.Addr()) {
		return Denied
	}
	if n := s.sessions.Add(1); s.Config.SessionsMax > 0 && n > int64(s.Config.SessionsMax) {
		s.sessions.Add(-1)
		return Full
	}
	s.capacity.used.Add(1)
	return ""
}

// allowed looks at deny first; an empty allow lets everybody else in.
func allowed(c *config.Service, ip netip.Addr) bool {
	ip = ip.WithZone("") // no prefix contains an address with a zone
	for _, p := range c.Deny {
		if p.Contains(ip) {
			return false
		}
	}
	for _, p := range c.Allow {
		if p.Contains(ip) {
			return true
		}
	}
	return len(c.Allow) == 0
}

// Close closes the sockets of a service that no loop watches (any more). Shutdown comes
// first: a descriptor that someone holds a duplicate of would go on accepting.
func (s *Service) Close() {
	for _, so := range s.sockets {
		sock.Shutdown(so.fd, unix.SHUT_RDWR)
		sock.Close(so.fd)
		if so.path != "" {
			os.Remove(so.path)
		}
	}
	s.sockets = nil
}

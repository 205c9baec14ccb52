package listen

import (
	"net/netip"
	"sync/atomic"

	"github.com/rs/zerolog"

	"relay/config"
	"relay/relay/flow"
	"relay/relay/loop"
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
	Denied      Refusal = "denied"       // by allow or deny
	Full        Refusal = "sessions_max" // of this service
	SourceLimit Refusal = "source_limit" // sessions_max_per_source or session_rate_per_source
)

// Capacity bounds the sessions of the whole process. At the bound accepting pauses, so
// that clients wait in the backlog instead of being turned away.
type Capacity struct {
	Max     int64 // at first
	changed atomic.Int64
	used    atomic.Int64
}

func (c *Capacity) full() bool { return c.used.Load() >= c.Most() }

// Most is the bound now.
func (c *Capacity) Most() int64 {
	if n := c.changed.Load(); n != 0 {
		return n
	}
	return c.Max
}

// SetMost changes the bound, to 1 or more. Sessions beyond it go on.
func (c *Capacity) SetMost(n int64) { c.changed.Store(n) }

// Used is the number of sessions now.
func (c *Capacity) Used() int64 { return c.used.Load() }

// Service is one listener or drop under one configuration: its rules and its listening
// sockets. A reload makes a new Service of it, which keeps the counters and the sockets
// of the one before.
type Service struct {
	Config   config.Service
	Role     string // "listener" or "drop": the key of its name in the log
	log      zerolog.Logger
	capacity *Capacity
	sources  *sources // nil = no limits per source
	sockets  []*socket
	opened   []*socket // of these, the ones that were not open before
	*counts
}

// counts is what outlives a reload. All loops share it.
type counts struct {
	sessions atomic.Int64
	short    shortage // accepting is paused
}

// Leave gives back the place of a connection that a Taker has taken. LeaveSource goes
// with it.
func (s *Service) Leave() {
	s.sessions.Add(-1)
	s.capacity.used.Add(-1)
}

// Arrive counts in a connection that another process has accepted and admitted, with its
// source if it is known. Limits are not asked.
func (s *Service) Arrive(client netip.AddrPort, counted bool) {
	s.sessions.Add(1)
	s.capacity.used.Add(1)
	if counted && s.sources != nil && client.IsValid() {
		s.sources.arrive(sourceOf(client.Addr()), loop.Clock())
	}
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
	if !s.SendsHeader(c.Client) && !s.EnterSource(c.Client) {
		s.sessions.Add(-1)
		return SourceLimit
	}
	s.capacity.used.Add(1)
	return ""
}

// EnterSource counts a session in with its source, and reports false if that has as many
// as it may. It is done when a connection is accepted, except from a peer that first
// sends a PROXY header: then it is for the Taker to do with the client that this names,
// and to refuse. Clients without an address are not counted.
func (s *Service) EnterSource(client netip.AddrPort) bool {
	return s.sources == nil || !client.IsValid() || s.sources.enter(sourceOf(client.Addr()), loop.Clock())
}

// LeaveSource takes back what EnterSource has counted, or accepting on its behalf.
func (s *Service) LeaveSource(client netip.AddrPort) {
	if s.sources != nil && client.IsValid() {
		s.sources.leave(sourceOf(client.Addr()), loop.Clock())
	}
}

// allowed looks at deny first; an empty allow lets everybody else in.
func allowed(c *config.Service, ip netip.Addr) bool {
	if Contains(c.Deny, ip) {
		return false
	}
	return len(c.Allow) == 0 || Contains(c.Allow, ip)
}

// Contains reports whether an address is in one of the ranges.
func Contains(ranges []netip.Prefix, ip netip.Addr) bool {
	ip = ip.WithZone("") // no prefix contains an address with a zone
	for _, p := range ranges {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

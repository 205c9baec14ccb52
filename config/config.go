package config

import (
	"net/netip"
	"strconv"
	"time"
)

// Config is one loaded file, defaults filled in and every check passed.
type Config struct {
	File      string // where it was read, for messages
	Engine    Engine
	Log       Log
	Admin     Admin
	Listeners []Listener
	Upstreams []Upstream
	Drops     []Drop
}

// Upstream is the upstream of this name, or nil.
func (c *Config) Upstream(name string) *Upstream {
	for i := range c.Upstreams {
		if c.Upstreams[i].Name == name {
			return &c.Upstreams[i]
		}
	}
	return nil
}

// Drop is the drop of this name, or nil.
func (c *Config) Drop(name string) *Drop {
	for i := range c.Drops {
		if c.Drops[i].Name == name {
			return &c.Drops[i]
		}
	}
	return nil
}

// Splice says when a flow may leave copying for splicing.
type Splice uint8

// The values of the key `splice`.
const (
	SpliceAuto   Splice = iota // decided wake by wake
	SpliceAlways               // never copy while a pipe can be had
	SpliceNever                // never take a pipe to move payload faster
)

var spliceNames = []string{"auto", "always", "never"}

// String is the value as the file spells it.
func (s Splice) String() string { return spliceNames[s] }

// Engine is the table [engine]: what the whole process shares.
type Engine struct {
	Loops        int // 0 = one per CPU
	Splice       Splice
	SpliceChunk  int   // most bytes one splice call moves
	CopyChunk    int   // bytes of a loop's shared buffer
	PipeSize     int   // bytes asked of the kernel for each pipe
	PipeBudget   int64 // bytes of pipe memory of the whole pool
	SessionsMax  int   // 0 = what the descriptor limit allows
	DrainTimeout time.Duration
	RestartDrain time.Duration // the same while systemd keeps the listening sockets
}

// Log is the table [log].
type Log struct {
	Level  string // debug | info | warn | error
	Format string // json | console
	Access bool
}

// Admin is the table [admin]: status page, API and metrics.
type Admin struct {
	Listen    Address // the zero value = off
	TokenFile string  // absolute, or relative to the process after loading
}

// On reports whether there is an admin interface.
func (a *Admin) On() bool { return a.Listen != Address{} }

// Guarded reports whether the address is reached by others than those whom a file's mode
// lets in, so that changes need the token.
func (a *Admin) Guarded() bool { return a.On() && !a.Listen.IsUnix() }

// Public reports whether the address is reached from other machines, so that reading
// needs the token, too.
func (a *Admin) Public() bool { return a.Guarded() && !a.Listen.TCP.Addr().IsLoopback() }

// Address names a place to listen or to connect to: an IP address and port, the
// path of a unix socket, for a backend a host name and port, and for a listener the
// sockets that systemd passes under a name. Exactly one of them is set; a host name
// goes with a TCP that has a port alone. It is comparable, so that it can name a
// backend.
type Address struct {
	TCP     netip.AddrPort
	Unix    string // absolute, or relative to the process after loading; a leading '@' is the abstract namespace
	Host    string
	Systemd string
}

// IsUnix reports whether the address is a unix socket's.
func (a Address) IsUnix() bool { return a.Unix != "" }

// String is the address as the file spells it.
func (a Address) String() string {
	switch {
	case a.IsUnix():
		return "unix:" + a.Unix
	case a.Systemd != "":
		return "systemd:" + a.Systemd
	case a.Host != "":
		return a.Host + ":" + strconv.Itoa(int(a.TCP.Port()))
	}
	return a.TCP.String()
}

// Service holds the keys that mean the same on a listener and on a drop: who may
// come in, how many, and how long each may take.
type Service struct {
	Name             string
	Listen           []Address
	SessionsMax      int            // 0 = no limit of its own
	Allow            []netip.Prefix // empty = all
	Deny             []netip.Prefix // looked at first
	HeaderTimeout    time.Duration
	IdleTimeout      time.Duration // no byte either way
	HalfCloseTimeout time.Duration // no byte, once one direction has ended

	AcceptProxyFrom      []netip.Prefix // peers that must send a PROXY header
	SessionsMaxPerSource int            // 0 = no limit
	SessionRatePerSource int            // new sessions a second; 0 = no limit

	Sockets     // of the clients
	Backlog     int
	DeferAccept time.Duration // 0 = off
}

// Listener is one [[listener]]: clients accepted here go to Upstream.
type Listener struct {
	Service
	Upstream       string // where sessions go that no route matches
	Routes         []Route
	SessionTimeout time.Duration // the whole life of a session; 0 = no limit
	SpliceChunk    int           // 0 = the upstream's, else the engine's
	Rates
}

// Transfer is the way a drop fills a socket from a file.
type Transfer uint8

// The values of the key `transfer`.
const (
	TransferSplice Transfer = iota
	TransferSendfile
	TransferMmap
	TransferCopy
)

var transferNames = []string{"splice", "sendfile", "mmap", "copy"}

// String is the value as the file spells it.
func (t Transfer) String() string { return transferNames[t] }

// Drop is one [[drop]]: a directory served over HTTP/1.1.
type Drop struct {
	Service
	Directory   string // absolute, or relative to the process after loading
	Transfer    Transfer
	SpliceChunk int // 0 = the engine's
	Uploads
	Watch
	Forwards []Forward
}

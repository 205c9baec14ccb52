package config

import "time"

// Balance is the way an upstream picks among its backends.
type Balance uint8

// The values of the key `balance`.
const (
	RoundRobin       Balance = iota // smooth weighted round robin
	LeastConnections                // the fewest sessions for its weight
	Random                          // two at random, the less loaded of them
	SourceHash                      // the same client to the same backend
	First                           // the first in the list that has room
)

var balanceNames = []string{"round_robin", "least_connections", "random", "source_hash", "first"}

// String is the value as the file spells it.
func (b Balance) String() string { return balanceNames[b] }

// HashKey is what source_hash hashes of a client.
type HashKey uint8

// The values of the key `hash_key`.
const (
	HashSource     HashKey = iota // its IP address
	HashSourcePort                // its IP address and port
	HashSNI                       // the server name it asks for, or its IP address without one
)

var hashKeyNames = []string{"source", "source_port", "sni"}

// String is the value as the file spells it.
func (k HashKey) String() string { return hashKeyNames[k] }

// OnDown is what becomes of the sessions on a backend that goes down.
type OnDown uint8

// The values of the key `on_down`.
const (
	KeepSessions OnDown = iota
	ResetSessions
)

var onDownNames = []string{"keep", "reset"}

// String is the value as the file spells it.
func (d OnDown) String() string { return onDownNames[d] }

// OnEmpty is what becomes of the backends of a name that has no address any more.
type OnEmpty uint8

// The values of the key `on_empty`.
const (
	KeepBackends OnEmpty = iota
	ClearBackends
)

var onEmptyNames = []string{"keep", "clear"}

// String is the value as the file spells it.
func (e OnEmpty) String() string { return onEmptyNames[e] }

// Upstream is one [[upstream]], a pool of backends.
type Upstream struct {
	Name           string
	Balance        Balance
	Hash           HashKey
	HashFactor     int           // percent of its fair share that a backend may have; 0 = no bound
	SlowStart      time.Duration // how long a backend that comes back gets less than its weight
	QueueMax       int           // sessions that wait for a place; 0 = none
	QueueTimeout   time.Duration
	PanicThreshold int // percent; below it backends are used that are down; 0 = never
	OnDown         OnDown
	HealthCheck    *HealthCheck  // nil = none
	Ejection       *Ejection     // nil = never
	ConnectTimeout time.Duration // for each attempt
	ConnectRetries int           // further attempts after the first
	SpliceChunk    int           // 0 = the engine's
	Outgoing
	Sockets          // of the backends
	Discover string  // the name of SRV records that bring backends; "" = none
	Resolver Address // the zero value = the system's
	OnEmpty  OnEmpty
	Backends []Backend
}

// Backend is one [[upstream.backend]].
type Backend struct {
	Address     Address
	Weight      int // 0 to 256; 0 takes nothing new
	Backup      bool
	SessionsMax int // 0 = no limit
}

package handover

import (
	"fmt"
	"slices"
	"time"

	"relay/relay/drop"
	"relay/relay/proxy"
	"relay/relay/systemd"
	"relay/relay/upstream"
)

// kind is what a message is.
type kind uint8

// The kinds, and what is in them. Those without a type are empty.
const (
	hello    kind = iota + 1 // Hello
	sockets                  // Sockets, as many as it takes
	ready                    // Ready
	no                       // refusal
	take                     // State
	taken                    //
	batch                    // Batch
	have                     //
	yours                    //
	left                     // Left
	farewell                 // Counts
)

var kindNames = [...]string{
	hello: "hello", sockets: "sockets", ready: "ready", no: "no", take: "take", taken: "taken",
	batch: "batch", have: "have", yours: "yours", left: "left", farewell: "farewell",
}

func (k kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("message %d", uint8(k))
}

// Hello is what the new process needs to come up.
type Hello struct {
	PID         int    // of the old process
	Program     string // its version
	Descriptors int    // that the sessions of the old process have
	Sockets     int    // how many listening sockets follow
	Upstreams   map[string]upstream.Memory
	Notifier    systemd.Notifier // what is known of the service manager
	Left        []string         // keys of listening sockets that it keeps
}

// Sockets are listening sockets by their names, each with its descriptor.
type Sockets struct {
	Names []string
}

// AdminPrefix begins the name of the admin interface's socket; its address follows. It
// has a ':', which no other name has.
const AdminPrefix = "admin:"

// Ready is what the new process has, by its configuration. Sessions of anything else
// stay with the old one.
type Ready struct {
	Program   string
	Listeners []string
	Upstreams []string
	Drops     []string
	Keys      []string // of the listening sockets that it has in its configuration, too
	Admin     bool     // and the address of the admin interface
}

// Knows reports whether there are a listener and an upstream of these names; an empty
// upstream is one that is not chosen yet.
func (r *Ready) Knows(listener, upstream string) bool {
	return slices.Contains(r.Listeners, listener) && (upstream == "" || slices.Contains(r.Upstreams, upstream))
}

// KnowsDrop reports whether there is a drop of this name.
func (r *Ready) KnowsDrop(name string) bool { return slices.Contains(r.Drops, name) }

// refusal is why the new process will not take over.
type refusal struct{ Why string }

// State is what the old process has counted and learnt.
type State struct {
	Counts
	Upstreams map[string]upstream.Memory
	LogLevel  string // set by order; empty = the configured one
}

// Counts are counters, for the new process to add to its own.
type Counts struct {
	Listeners       map[string]proxy.Tally
	Drops           map[string]drop.Tally
	Copied, Spliced uint64
}

// Batch is some sessions. Their descriptors stand in it by their number among those that
// travel with it.
type Batch struct {
	Sessions []proxy.Record
	Conns    []drop.Record
}

// Left says what the old process still has.
type Left struct {
	Loads map[string]map[string]int // sessions by upstream and backend
}

// Limits on how long the other process may take.
const (
	// comeUpMost is how long the new process may take until it is ready: it may have to
	// wait for name servers and for checks of backends.
	comeUpMost = 20 * time.Second
	// AnswerMost is how long either may take for a message in the middle of it.
	AnswerMost = 10 * time.Second
)

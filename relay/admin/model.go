package admin

import (
	"time"

	"relay/relay/tally"
)

// Relay is what the program can tell of itself and be told to do. Its functions may be
// called from anywhere.
type Relay struct {
	State     func() State
	Sessions  func() []Session
	Transfers func() []Transfer
	Queue     func() []Queued
	// Forward has forwards of a drop try a file again ("" = all), or, with remove, drop it.
	// It says how many; known is false if the drop forwards nothing.
	Forward func(drop, path string, remove bool) (n int, known bool, err error)
	Reload  func() Reload
	Upgrade func() Upgrade
	Log     func(level string)
	Reset   func(id uint64) bool // false = no such session
	// Drain, Weight: false = no such backend. A weight of -1 is the configured one.
	Drain  func(upstream, backend string, drained bool) bool
	Weight func(upstream, backend string, weight int) bool
}

// State is all that is shown but for single sessions.
type State struct {
	Status
	Listeners []Listener `json:"listeners"`
	Upstreams []Upstream `json:"upstreams"`
	Drops     []Drop     `json:"drops"`
}

// Status is the process as a whole.
type Status struct {
	Version     string    `json:"version"`
	PID         int       `json:"pid"`
	State       string    `json:"state"` // starting | serving | draining | leaving
	Started     time.Time `json:"started"`
	Config      string    `json:"config"`
	LogLevel    string    `json:"log_level"`
	LogLost     uint64    `json:"log_lines_lost"`
	Sessions    int64     `json:"sessions"`
	SessionsMax int64     `json:"sessions_max"`
	Bytes       Bytes     `json:"bytes"` // of all listeners
	Copied      uint64    `json:"bytes_copied"`
	Spliced     uint64    `json:"bytes_spliced"`
	Accepted    uint64    `json:"accepted"`
	Pipes       Pipes     `json:"pipes"`
	Loops       []Loop    `json:"loops"`
	LastReload  *Reload   `json:"last_reload"` // null = there has been none
	Reloads     uint64    `json:"reloads"`
	Refused     uint64    `json:"reloads_refused"`
}

// Bytes were delivered up, to backends, and down, to clients.
type Bytes struct {
	Up   uint64 `json:"up"`
	Down uint64 `json:"down"`
}

// Pipes are those of all pools.
type Pipes struct {
	Lent   int   `json:"lent"`
	Idle   int   `json:"idle"`
	Bytes  int64 `json:"bytes"` // capacity of all
	Budget int64 `json:"budget"`
}

// Loop is one event loop.
type Loop struct {
	Sessions int      `json:"sessions"`
	Busy     float64  `json:"busy_seconds"` // since it began
	Events   uint64   `json:"events"`
	Stalls   uint64   `json:"stalls"`
	Rounds   []uint64 `json:"-"` // by length, see loop.RoundBound
}

// Reload is what came of one.
type Reload struct {
	At      time.Time `json:"at"`
	OK      bool      `json:"ok"`
	Errors  []string  `json:"errors,omitempty"`
	Restart []string  `json:"need_restart,omitempty"` // keys whose change waits for one
}

// Upgrade is what came of handing over to a new process.
type Upgrade struct {
	At      time.Time `json:"at"`
	OK      bool      `json:"ok"`
	Error   string    `json:"error,omitempty"`
	PID     int       `json:"pid,omitempty"` // of the new process
	Version string    `json:"version,omitempty"`
	Moved   int       `json:"sessions_moved"`
	Left    int64     `json:"sessions_left"` // that the old process finishes itself
	Took    float64   `json:"took_seconds"`  // in all
	Pause   float64   `json:"pause_seconds"` // the longest of a session
}

// Listener is one [[listener]].
type Listener struct {
	Name        string            `json:"name"`
	Addresses   []string          `json:"addresses"`
	Upstream    string            `json:"upstream"`
	Sessions    int64             `json:"sessions"`
	SessionsMax int               `json:"sessions_max"` // 0 = no limit of its own
	Accepted    uint64            `json:"accepted"`
	Bytes       Bytes             `json:"bytes"`
	Ended       map[string]uint64 `json:"ended"` // by reason
	Retries     uint64            `json:"retries"`
	SplicedUp   uint64            `json:"bytes_spliced_up"`
	SplicedDown uint64            `json:"bytes_spliced_down"`
	Connect     tally.Histogram   `json:"-"`
	Duration    tally.Histogram   `json:"-"`
}

// Upstream is one [[upstream]].
type Upstream struct {
	Name     string    `json:"name"`
	Balance  string    `json:"balance"`
	Queued   int       `json:"queued"`
	Backends []Backend `json:"backends"`
}

// Backend is one address of an upstream.
type Backend struct {
	Address     string     `json:"address"`
	State       string     `json:"state"`         // up | down | ejected | drained
	Why         string     `json:"why,omitempty"` // it is not up
	Since       *time.Time `json:"since,omitempty"`
	Weight      int        `json:"weight"`
	Backup      bool       `json:"backup"`
	Sessions    int        `json:"sessions"`
	SessionsMax int        `json:"sessions_max"`
	Total       uint64     `json:"sessions_total"`
	Failed      uint64     `json:"connects_failed"`
}

// Drop is one [[drop]].
type Drop struct {
	Name      string            `json:"name"`
	Addresses []string          `json:"addresses"`
	Directory string            `json:"directory"`
	Transfer  string            `json:"transfer"`
	Sessions  int64             `json:"sessions"`
	Requests  uint64            `json:"requests"`
	Bytes     uint64            `json:"bytes"`
	Uploads   int64             `json:"uploads"` // files arriving now
	Arrived   uint64            `json:"arrived"` // files
	Received  uint64            `json:"received"`
	Ended     map[string]uint64 `json:"ended"` // by reason
	Status    map[int]uint64    `json:"status"`
	Forwards  []Forward         `json:"forwards,omitempty"`
	Duration  tally.Histogram   `json:"-"`
}

// Forward is one [[drop.forward]].
type Forward struct {
	To        string     `json:"to"`
	Waiting   int        `json:"waiting"` // files, those that are tried again too
	Carried   int        `json:"carried"`
	Failed    int        `json:"failed"` // given up, and still known
	Oldest    *time.Time `json:"oldest,omitempty"`
	Sent      uint64     `json:"files_sent"`
	Bytes     uint64     `json:"bytes_sent"`
	Retries   uint64     `json:"retries"`
	GivenUp   uint64     `json:"files_given_up"`
	Looped    uint64     `json:"files_looped"` // not sent, because they came through here before
	LastError string     `json:"last_error,omitempty"`
}

// Queued is one file that a forward has still to send, or has given up.
type Queued struct {
	Drop  string     `json:"drop"`
	Path  string     `json:"path"`
	To    string     `json:"to,omitempty"`
	Size  int64      `json:"size"`
	State string     `json:"state"` // arriving | settling | waiting | carried | failed
	Since time.Time  `json:"since"`
	Tries int        `json:"tries"`
	Next  *time.Time `json:"next,omitempty"`
	Error string     `json:"error,omitempty"`
}

// Session is one that runs.
type Session struct {
	ID       string  `json:"id"`
	Listener string  `json:"listener"`
	Client   string  `json:"client"`
	Upstream string  `json:"upstream"`
	Backend  string  `json:"backend"`
	State    string  `json:"state"`
	Bytes    Bytes   `json:"bytes"`
	Rate     float64 `json:"rate"`        // bytes a second now, both ways
	Age      float64 `json:"age_seconds"` // since accept
	Idle     float64 `json:"idle_seconds"`
}

// Transfer is one connection to a drop.
type Transfer struct {
	ID     string  `json:"id"`
	Drop   string  `json:"drop"`
	Client string  `json:"client"`
	State  string  `json:"state"`
	Method string  `json:"method,omitempty"`
	Path   string  `json:"path,omitempty"`
	Sent   uint64  `json:"sent"` // or received
	Size   uint64  `json:"size"` // of the whole body; 0 = not known
	Rate   float64 `json:"rate"`
	Age    float64 `json:"age_seconds"`
}

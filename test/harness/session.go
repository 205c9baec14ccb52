package harness

import (
	"encoding/json"
	"testing"
)

// Session is an access-log line: what the program says about one session at its
// end.
type Session struct {
	Listener   string  `json:"listener"`
	Upstream   string  `json:"upstream"`
	Client     string  `json:"client"`
	Backend    string  `json:"backend"`
	BytesUp    int64   `json:"bytes_up"`   // client → backend
	BytesDown  int64   `json:"bytes_down"` // backend → client
	ConnectMS  float64 `json:"connect_ms"`
	DurationMS float64 `json:"duration_ms"`
	Retries    int     `json:"retries"`
	Reason     string  `json:"reason"`
	Error      string  `json:"error"`
}

// Session waits for the access-log line of the client with this address. A unix
// client has none to tell it by: use SessionWhere.
func (r *Relay) Session(t testing.TB, client string) Session {
	t.Helper()
	return r.SessionWhere(t, "client "+client, func(s Session) bool { return s.Client == client })
}

// SessionWhere waits for an access-log line that match likes; what says which,
// for the failure message.
func (r *Relay) SessionWhere(t testing.TB, what string, match func(Session) bool) Session {
	t.Helper()
	line := r.Line(t, "the access-log line of "+what, func(l Line) bool {
		s, ok := sessionOf(l)
		return ok && match(s)
	})
	s, _ := sessionOf(line)
	return s
}

// TrySession is Session for use beside the test: it says whether the line came.
func (r *Relay) TrySession(client string) (s Session, found bool) {
	line, found := r.Journal.wait(Patience, func(l Line) bool {
		s, ok := sessionOf(l)
		return ok && s.Client == client
	})
	s, _ = sessionOf(line)
	return s, found
}

// Sessions is every access-log line so far.
func (r *Relay) Sessions() []Session {
	var all []Session
	for _, l := range r.Journal.Lines() {
		if s, ok := sessionOf(l); ok {
			all = append(all, s)
		}
	}
	return all
}

func sessionOf(l Line) (Session, bool) {
	if l.Message != "session" {
		return Session{}, false
	}
	var s Session
	return s, json.Unmarshal([]byte(l.Raw), &s) == nil
}

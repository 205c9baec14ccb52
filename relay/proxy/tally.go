package proxy

import (
	"maps"
	"net/netip"
	"time"

	"relay/relay/flow"
	"relay/relay/tally"
)

// Tally is what one loop has counted of one listener since it began. A session adds to
// it when bytes move and when it ends, on the loop's thread.
type Tally struct {
	Accepted uint64
	Retries  uint64
	Bytes    [2]uint64 // delivered up (to the backend) and down (to the client)
	Spliced  [2]uint64 // of these, without a visit to user space
	Ended    map[Reason]uint64
	Connect  tally.Histogram // seconds from accept to a backend that answered
	Duration tally.Histogram // seconds from accept to the end
}

// tally finds the counts of a listener on this loop.
func (ss *Sessions) tally(name string) *Tally {
	t := ss.tallies[name]
	if t == nil {
		t = &Tally{Ended: map[Reason]uint64{}}
		ss.tallies[name] = t
	}
	return t
}

// Tallies is a copy of all counts by listener; for the loop's thread.
func (ss *Sessions) Tallies() map[string]Tally {
	all := make(map[string]Tally, len(ss.tallies))
	for name, t := range ss.tallies {
		c := *t
		c.Ended = maps.Clone(t.Ended)
		all[name] = c
	}
	return all
}

// Accepted is the number of sessions that this loop has taken so far; for its thread.
func (ss *Sessions) Accepted() (n uint64) {
	for _, t := range ss.tallies {
		n += t.Accepted
	}
	return n
}

// Add adds what another has counted.
func (t *Tally) Add(o *Tally) {
	t.Accepted += o.Accepted
	t.Retries += o.Retries
	for i := range t.Bytes {
		t.Bytes[i] += o.Bytes[i]
		t.Spliced[i] += o.Spliced[i]
	}
	for reason, n := range o.Ended {
		t.Ended[reason] += n
	}
	t.Connect.Add(&o.Connect)
	t.Duration.Add(&o.Duration)
}

// Since is what has been counted since an earlier copy was made.
func (t Tally) Since(before *Tally) Tally {
	t.Accepted -= before.Accepted
	t.Retries -= before.Retries
	for i := range t.Bytes {
		t.Bytes[i] -= before.Bytes[i]
		t.Spliced[i] -= before.Spliced[i]
	}
	t.Ended = maps.Clone(t.Ended)
	for reason, n := range before.Ended {
		t.Ended[reason] -= n
	}
	t.Connect = t.Connect.Since(&before.Connect)
	t.Duration = t.Duration.Since(&before.Duration)
	return t
}

// AddTallies adds what another process has counted; for the loop's thread.
func (ss *Sessions) AddTallies(all map[string]Tally) {
	for name, t := range all {
		ss.tally(name).Add(&t)
	}
}

// moved counts what a turn of flow i has delivered.
func (s *Session) moved(i int, bytes, spliced uint64) {
	s.counts.Bytes[i] += bytes
	s.counts.Spliced[i] += spliced
}

// countEnd counts a session that is over.
func (s *Session) countEnd(why Reason, now int64) {
	t := s.counts
	t.Ended[why]++
	t.Retries += uint64(len(s.tried))
	t.Duration.Observe(time.Duration(now - s.accepted))
	if s.connected != 0 {
		t.Connect.Observe(time.Duration(s.connected - s.accepted))
	}
}

// View is what a status shows of a session that runs.
type View struct {
	ID       uint64
	Listener string
	Upstream string
	Backend  string // "" = none yet
	Client   netip.AddrPort
	Unix     bool // the client has no address
	State    string
	Bytes    [2]uint64 // up and down
	Accepted int64     // nanoseconds of loop.Clock
	Active   int64     // when a byte last moved
}

var stateNames = [...]string{closed: "closed", header: "header", queued: "queued", connecting: "connecting", relaying: "relaying", resetting: "resetting"}

func (s *Session) view() View {
	v := View{
		ID: s.id, Listener: s.listener.Service.Config.Name, Upstream: s.upstreamName(),
		Client: s.client, Unix: s.ends[client].Kind == flow.Unix, State: stateNames[s.state],
		Bytes: [2]uint64{s.flows[client].Moved, s.flows[backend].Moved}, Accepted: s.accepted, Active: s.active,
	}
	if s.backend != nil {
		v.Backend = s.backend.Name
	}
	if s.done[client] || s.done[backend] {
		v.State = "half-closed"
	}
	return v
}

// visitSlabs bounds how many sessions one Views looks at, in slabs: a loop that has a
// hundred thousand of them must not stop for a status.
const visitSlabs = 64

// Views appends what a status shows of some sessions, from a place on, and says where to
// go on; 0 = that was all. Sessions that come or leave meanwhile may be missed.
func (ss *Sessions) Views(from int, to []View) (all []View, next int) {
	end := min(from+visitSlabs, len(ss.slabs))
	for _, sl := range ss.slabs[from:end] {
		for i := range sl {
			if sl[i].state != closed {
				to = append(to, sl[i].view())
			}
		}
	}
	if end == len(ss.slabs) {
		end = 0
	}
	return to, end
}

// Reset ends the session of this number, and reports whether it is here.
func (ss *Sessions) Reset(id uint64) bool {
	for s := ss.newest; s != nil; s = s.older {
		if s.id == id {
			s.finish(ResetByOrder)
			return true
		}
	}
	return false
}

package proxy

import (
	"net/netip"

	"relay/relay/flow"
	"relay/relay/sock"
)

// Record is a Moved session as plain values, on its way to another process: parts of the
// configuration stand in it by name, and descriptors by number.
type Record struct {
	ID        uint64
	Listener  string
	Upstream  string     `json:",omitempty"` // empty while the route is not known
	Backend   string     `json:",omitempty"`
	Tried     []string   `json:",omitempty"`
	Own       *[2]bucket `json:",omitempty"` // the session's own rates
	Who       *Identity  `json:",omitempty"`
	Awaited   uint8      `json:",omitempty"`
	Ends      [2]EndRecord
	Flows     [2]flow.Plain
	Done      [2]bool
	Client    netip.AddrPort
	Accepted  int64
	Connected int64
	Active    int64
	Due       int64
	State     string
	Uncounted bool `json:",omitempty"`
}

// EndRecord is one end of a Record.
type EndRecord struct {
	Open bool
	FD   int // the number of its descriptor, if it is open
	Kind flow.Kind
	Err  sock.Errno `json:",omitempty"`
}

// Record is what another process needs to go on with the session. number is called for
// each descriptor. The session is not changed: it can still be adopted here.
func (m *Moved) Record(number func(fd int) int) Record {
	r := Record{
		ID: m.ID, Listener: m.Listener.name, Who: m.Who, Done: m.Done, Client: m.Client,
		Accepted: m.Accepted, Connected: m.Connected, Active: m.Active, Due: m.Due,
		State: stateNames[m.state], Uncounted: m.uncounted,
	}
	if m.Target != nil {
		r.Upstream = m.Target.Upstream.Name
	}
	if m.Backend != nil {
		r.Backend = m.Backend.Name
	}
	for _, b := range m.Tried {
		r.Tried = append(r.Tried, b.Name)
	}
	if m.Who != nil {
		r.Awaited = uint8(m.Who.awaited)
	}
	if m.Pace != nil {
		r.Own = &[2]bucket{m.Pace[client].own, m.Pace[backend].own}
	}
	for i := range m.Ends {
		e := &m.Ends[i]
		r.Ends[i] = EndRecord{Open: e.FD >= 0, Kind: e.Kind, Err: e.Err}
		if e.FD >= 0 {
			r.Ends[i].FD = number(e.FD)
		}
		r.Flows[i] = m.Flows[i].Plain(number)
	}
	return r
}

// Descriptors is the number of descriptors that the session has.
func (m *Moved) Descriptors() int {
	n := 0
	for i := range m.Ends {
		n += m.Flows[i].Descriptors()
		if m.Ends[i].FD >= 0 {
			n++
		}
	}
	return n
}

// Depart ends the session in this process, since another one goes on with it: the
// descriptors here are closed, and its places given back.
func (m *Moved) Depart() {
	for i := range m.Ends {
		if m.Ends[i].FD >= 0 {
			sock.Close(m.Ends[i].FD)
		}
		m.Flows[i].Abandon()
	}
	if m.Backend != nil {
		m.Backend.Leave()
	}
	m.Listener.Service.Leave()
	if !m.uncounted {
		m.Listener.Service.LeaveSource(m.Client)
	}
}

// Arrive is the session of a record, in the process that goes on with it: it takes its
// places there. fd is called for each descriptor's number.
func (r *Record) Arrive(l *Listener, t *Target, fd func(number int) int) Moved {
	m := Moved{
		ID: r.ID, Listener: l, Target: t, Who: r.Who, Done: r.Done, Client: r.Client,
		Accepted: r.Accepted, Connected: r.Connected, Active: r.Active, Due: r.Due,
		state: stateOf(r.State), uncounted: r.Uncounted,
	}
	if m.Who != nil {
		m.Who.awaited = awaited(r.Awaited)
	}
	if r.Backend != "" {
		m.Backend = t.Upstream.Arrive(r.Backend)
	}
	for _, name := range r.Tried {
		m.Tried = append(m.Tried, t.Upstream.Named(name))
	}
	m.Pace = r.pace(l)
	for i := range m.Ends {
		e := &r.Ends[i]
		m.Ends[i] = flow.End{FD: -1, Kind: e.Kind, Err: e.Err}
		if e.Open {
			m.Ends[i].FD = fd(e.FD)
		}
		m.Flows[i] = r.Flows[i].Flow(fd)
		if t != nil {
			m.Flows[i].Chunk = l.chunk(t)
		}
	}
	l.Service.Arrive(m.Client, !m.uncounted)
	return m
}

// pace is as the listener has it now, with what was left of the old one.
func (r *Record) pace(l *Listener) *pace {
	if !l.limits.any || stateOf(r.State) != relaying {
		return nil
	}
	p := new(pace)
	for i := range p {
		if r.Own != nil {
			p[i].own = r.Own[i]
		}
		p[i].own.Rate = l.limits.session[i]
	}
	return p
}

// stateOf is the state of this name; an unknown one is that of a session that relays.
func stateOf(name string) state {
	for s, n := range stateNames {
		if n == name && movable[s] {
			return state(s)
		}
	}
	return relaying
}

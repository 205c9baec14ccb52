package drop

import (
	"net/netip"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// Moved is a connection between two requests on its way to another process: a
// descriptor, registered nowhere, and plain values. Whoever has it owns it, and gives it
// to Adopt.
type Moved struct {
	drop     *Drop
	id       uint64
	end      flow.End
	client   netip.AddrPort
	active   int64
	deadline int64
	owes     bool
	used     bool
}

// Record is a Moved connection as plain values: the drop stands in it by name, the
// descriptor by number.
type Record struct {
	ID       uint64
	Drop     string
	FD       int
	Kind     flow.Kind
	Err      sock.Errno `json:",omitempty"`
	Client   netip.AddrPort
	Active   int64 // nanoseconds of CLOCK_MONOTONIC
	Deadline int64
	Owes     bool `json:",omitempty"`
	Used     bool `json:",omitempty"`
}

// Gather takes connections out of this loop that are between two requests, at most so
// many, for another process which knows their drops. The others answer the request they
// are in, here.
func (cs *Conns) Gather(most int, knows func(drop string) bool) (all []Moved) {
	for c, older := cs.newest, (*Conn)(nil); c != nil && len(all) < most; c = older {
		older = c.older
		if c.state == idle && c.request.began == 0 && knows(c.drop.Service.Config.Name) {
			all = append(all, c.quiesce())
		}
	}
	return all
}

func (c *Conn) quiesce() Moved {
	cs := c.in
	m := Moved{
		drop: c.drop, id: c.id, end: c.end, client: c.client,
		active: c.active, deadline: c.deadline, owes: c.owes, used: c.used,
	}
	c.drop.hold() // until it is adopted or has departed
	cs.loop.Unregister(c.token)
	cs.loop.StopTimer(&c.timer)
	cs.loop.Load.Add(-1)
	cs.release(c)
	return m
}

// Adopt goes on with a connection. As with a fresh one, whoever gives it has added it to
// the loop's Load.
func (cs *Conns) Adopt(m Moved) {
	c := cs.open(m.drop)
	m.drop.release()
	c.id, c.end, c.client = m.id, m.end, m.client
	c.active, c.deadline, c.owes, c.used = m.active, m.deadline, m.owes, m.used
	c.setState(idle)
	var errno sock.Errno
	if c.token, errno = cs.loop.Register(c.end.FD, c, 0, loop.In); errno != 0 {
		c.finish(NoResources)
		return
	}
	cs.loop.SetTimer(&c.timer, c, c.due())
}

// Record is what another process needs to go on with the connection. number is called
// for its descriptor. It is not changed, and can still be adopted here.
func (m *Moved) Record(number func(fd int) int) Record {
	return Record{
		ID: m.id, Drop: m.drop.Service.Config.Name, FD: number(m.end.FD), Kind: m.end.Kind, Err: m.end.Err, Client: m.client,
		Active: m.active, Deadline: m.deadline, Owes: m.owes, Used: m.used,
	}
}

// Depart ends the connection in this process, since another one goes on with it.
func (m *Moved) Depart() {
	sock.Close(m.end.FD)
	m.drop.Service.Leave()
	if !m.owes {
		m.drop.Service.LeaveSource(m.client)
	}
	m.drop.release()
}

// Arrive is the connection of a record, in the process that goes on with it: it takes
// its place there.
func (r *Record) Arrive(d *Drop, fd func(number int) int) Moved {
	d.hold()
	d.Service.Arrive(r.Client, !r.Owes)
	return Moved{
		drop: d, id: r.ID, end: flow.End{FD: fd(r.FD), Kind: r.Kind, Err: r.Err}, client: r.Client,
		active: r.Active, deadline: r.Deadline, owes: r.Owes, used: r.Used,
	}
}

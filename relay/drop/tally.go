package drop

import (
	"maps"
	"net/netip"
	"time"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/tally"
)

// Tally is what one loop has counted of one drop since it began.
type Tally struct {
	Requests map[int]uint64 // by status; 0 = refused or gone before there was one
	Ended    map[Reason]uint64
	Bytes    uint64          // of bodies sent
	Received uint64          // bytes of bodies that came in
	Arrived  uint64          // files
	Duration tally.Histogram // seconds from the first byte of a request to its end
}

// tally finds the counts of a drop on this loop.
func (cs *Conns) tally(d *Drop) *Tally { return cs.tallyOf(d.Service.Config.Name) }

func (cs *Conns) tallyOf(name string) *Tally {
	t := cs.tallies[name]
	if t == nil {
		t = &Tally{Requests: map[int]uint64{}, Ended: map[Reason]uint64{}}
		cs.tallies[name] = t
	}
	return t
}

// Add adds what another has counted.
func (t *Tally) Add(o *Tally) {
	for status, n := range o.Requests {
		t.Requests[status] += n
	}
	for reason, n := range o.Ended {
		t.Ended[reason] += n
	}
	t.Bytes += o.Bytes
	t.Received += o.Received
	t.Arrived += o.Arrived
	t.Duration.Add(&o.Duration)
}

// Since is what has been counted since an earlier copy was made.
func (t Tally) Since(before *Tally) Tally {
	t.Requests, t.Ended = maps.Clone(t.Requests), maps.Clone(t.Ended)
	for status, n := range before.Requests {
		t.Requests[status] -= n
	}
	for reason, n := range before.Ended {
		t.Ended[reason] -= n
	}
	t.Bytes -= before.Bytes
	t.Received -= before.Received
	t.Arrived -= before.Arrived
	t.Duration = t.Duration.Since(&before.Duration)
	return t
}

// AddTallies adds what another process has counted; for the loop's thread.
func (cs *Conns) AddTallies(all map[string]Tally) {
	for name, t := range all {
		cs.tallyOf(name).Add(&t)
	}
}

// count counts a request that is over.
func (c *Conn) count(why Reason) {
	c.tell()
	c.counts.Requests[c.request.status]++
	c.counts.Ended[why]++
	c.counts.Duration.Observe(time.Duration(loop.Clock() - c.request.began))
}

// tell counts what has been sent of a body since it was last told, so that a long
// transfer shows before its end.
func (c *Conn) tell() {
	n := c.body()
	c.counts.Bytes += n - min(n, c.request.told)
	c.request.told = n
	if c.up != nil {
		c.counts.Received += c.up.flow.Moved - c.up.told
		c.up.told = c.up.flow.Moved
		c.request.got = c.up.flow.Moved
	}
}

// body is how much of the response's body has been sent.
func (c *Conn) body() uint64 { return c.flow.Moved - min(c.flow.Moved, c.request.before) }

// Tallies is a copy of all counts by drop; for the loop's thread.
func (cs *Conns) Tallies() map[string]Tally {
	all := make(map[string]Tally, len(cs.tallies))
	for name, t := range cs.tallies {
		c := *t
		c.Requests, c.Ended = maps.Clone(t.Requests), maps.Clone(t.Ended)
		all[name] = c
	}
	return all
}

// View is what a status shows of a connection, and of the transfer on it.
type View struct {
	ID     uint64
	Drop   string
	Client netip.AddrPort
	Unix   bool // the client has no address
	State  string
	Method string // "" = no request is under way
	Path   string
	Sent   uint64 // bytes of the body, of the response or of the request
	Size   uint64 // of the whole body
	Began  int64  // the request, in nanoseconds of loop.Clock; 0 = none
	Active int64  // when a byte last moved
}

var stateNames = [...]string{
	closed: "closed", idle: "idle", heading: "reading head", opening: "opening", sending: "sending",
	fetching: "sending", lingering: "closing", leaving: "closing", receiving: "receiving", storing: "receiving",
}

func (c *Conn) view() View {
	v := View{
		ID: c.id, Drop: c.drop.Service.Config.Name, Client: c.client, Unix: c.end.Kind == flow.Unix,
		State: stateNames[c.state], Method: c.request.method, Path: c.request.path,
		Began: c.request.began, Active: c.active,
	}
	if c.state == sending {
		v.Sent = c.body()
		v.Size = max(c.request.length, v.Sent)
	}
	if c.up != nil {
		v.Sent, v.Size = c.up.flow.Moved, uint64(max(c.up.length, 0))
		if c.up.o != nil { // whoever looks knows the file, not the place of its upload
			v.Path = "/" + c.up.name.path
		}
	}
	return v
}

// viewsMost bounds the connections that a status shows of one loop.
const viewsMost = 4096

// Views is what a status shows of the newest connections of this loop.
func (cs *Conns) Views() []View {
	var all []View
	for c := cs.newest; c != nil && len(all) < viewsMost; c = c.older {
		all = append(all, c.view())
	}
	return all
}

// Reset ends the connection of this number, and reports whether it is here.
func (cs *Conns) Reset(id uint64) bool {
	for c := cs.newest; c != nil; c = c.older {
		if c.id == id {
			c.finish("reset_by_order")
			return true
		}
	}
	return false
}

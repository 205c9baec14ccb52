package drop

import (
	"sync/atomic"

	"relay/relay/sock"
)

// A reload makes a new Drop of each [[drop]] that stays. Connections go over to it
// between two requests; a request is answered by the Drop that it began with, whose
// directory stays open until the last of them is done.

// Close gives up the hold of whoever made the drop. The directory is closed when no
// connection needs it any more.
func (d *Drop) Close() {
	d.stopUpkeep()
	d.release()
}

// Transfer is how the drop fills a socket, as the file spells it.
func (d *Drop) Transfer() string { return d.transfer }

// Arriving is the number of files that come in just now.
func (d *Drop) Arriving() int64 { return d.uploads.Load() }

// underWay is what the limits of a drop count. It goes from one Drop to the next, with what
// the requests that began before still have of it.
type underWay struct {
	uploads atomic.Int64 // files arriving
	listed  atomic.Int64 // bytes of listings that are being sent
}

// SucceededBy names the drop that the connections of this one go over to, before it has any.
func (d *Drop) SucceededBy(next *Drop) {
	next.underWay = d.underWay
	d.next.Store(next)
}

// hold is for who knows that somebody holds it already.
func (d *Drop) hold() { d.holders.Add(1) }

// tryHold reports false for a drop whose directory is closed: its number may be that of
// something else by now.
func (d *Drop) tryHold() bool {
	for n := d.holders.Load(); n > 0; n = d.holders.Load() {
		if d.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

func (d *Drop) release() {
	if d.holders.Add(-1) == 0 {
		sock.Close(d.dir)
	}
}

// newest is the last of those that have succeeded it.
func (d *Drop) newest() *Drop {
	for next := d.next.Load(); next != nil; next = d.next.Load() {
		d = next
	}
	return d
}

// renew goes over to the newest drop, if there is one; c is between two requests. It may have
// been quiet for many reloads: the drops in between are closed.
func (c *Conn) renew() {
	for next := c.drop.newest(); next != c.drop; next = c.drop.newest() {
		switch {
		case next.tryHold():
			c.drop.release()
			c.drop, c.counts = next, c.in.tally(next)
		case next.next.Load() == nil: // closed, and nothing came after it
			c.drop.gone.Store(true)
			return
		}
	}
}

// LogAccess says whether the access log is written.
func (cs *Conns) LogAccess(yes bool) { cs.access = yes }

// Retire closes the connections of a drop that is gone, as Drain does with all.
func (cs *Conns) Retire(d *Drop) {
	d.gone.Store(true)
	for c, older := cs.newest, (*Conn)(nil); c != nil; c = older {
		older = c.older
		if c.drop == d {
			c.wind(cs.loop.Now())
		}
	}
}

// parting reports that the response under way is the connection's last.
func (c *Conn) parting() bool { return c.in.draining || c.drop.gone.Load() }

// wind ends a connection that waits for a next request; one whose request is already
// here is served.
func (c *Conn) wind(now int64) {
	switch {
	case c.state == idle && c.used:
		c.receive()
		if c.state == idle {
			c.finish(Complete)
		}
	case c.state == idle, c.state == lingering:
		c.deadline = min(c.deadline, now+lingerDrained)
		c.rearm()
	}
}

package drop

import "relay/relay/sock"

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

// SucceededBy names the drop that the connections of this one go over to.
func (d *Drop) SucceededBy(next *Drop) { d.next.Store(next) }

func (d *Drop) hold() { d.holders.Add(1) }

func (d *Drop) release() {
	if d.holders.Add(-1) == 0 {
		sock.Close(d.dir)
	}
}

// renew goes over to the newest drop, if there is one; c is between two requests.
func (c *Conn) renew() {
	for next := c.drop.next.Load(); next != nil; next = c.drop.next.Load() {
		next.hold()
		c.drop.release()
		c.drop, c.counts = next, c.in.tally(next)
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

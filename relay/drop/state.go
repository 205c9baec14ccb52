package drop

import "relay/relay/loop"

// state is where a connection stands.
//
//	idle ──► heading ──► opening ──► sending ◄─► fetching
//	 ▲ └────────┴───────────┴──────────▲ │ │
//	 └── the next request ───────────────┘ └──► lingering ──► closed
//	          opening ──► receiving ◄─► storing     a file comes in; then opening, to publish it
//	opening, fetching, storing ──► leaving, until the worker reports ──► closed
//	every other state ──► closed, through finish
type state uint8

const (
	closed    state = iota
	idle            // no byte of a request has come
	heading         // a part of a head has
	opening         // a worker looks up a name, lists a directory, opens a file or publishes it
	sending         // a response goes out
	fetching        // a worker does a step of it and owns file, pipe and socket
	lingering       // all is sent; input is thrown away until the client has read it
	leaving         // finished, once the worker reports
	receiving       // a body comes in
	storing         // a worker does a step of that and owns file, pipe and socket
)

// next holds the states that each state may go to.
var next = [...][10]bool{
	closed:    {idle: true},
	idle:      {heading: true, opening: true, sending: true, closed: true},
	heading:   {opening: true, sending: true, closed: true},
	opening:   {opening: true, sending: true, receiving: true, leaving: true},
	sending:   {fetching: true, idle: true, lingering: true, closed: true},
	fetching:  {sending: true, leaving: true},
	lingering: {closed: true},
	leaving:   {closed: true},
	receiving: {storing: true, opening: true, sending: true, closed: true},
	storing:   {receiving: true, leaving: true},
}

func (c *Conn) setState(to state) {
	if !next[c.state][to] {
		panic("drop: a connection in an impossible state")
	}
	c.state = to
}

// Ready is the one entry for whatever happens to the connection.
func (c *Conn) Ready(_ uint8, ev loop.Events) {
	switch c.state {
	case idle, heading:
		c.receive()
	case sending:
		c.turn(ev)
	case lingering:
		c.discard()
	case receiving:
		c.arrives(ev)
	case opening, fetching, storing, leaving:
		c.strand(ev) // the worker's report brings us back
	case closed:
		panic("drop: an event for a connection that is closed")
	}
}

// Expire is the one entry for every deadline. Progress moves a deadline without touching
// the timer, which then finds time left.
func (c *Conn) Expire(now int64) {
	if due := c.due(); due > now {
		c.in.loop.SetTimer(&c.timer, c, due)
		return
	}
	if c.owes {
		c.begins()
		c.finish(HeaderTimeout)
		return
	}
	switch c.state {
	case idle:
		c.finish(IdleTimeout)
	case heading:
		c.headLate(now)
	case sending:
		c.finish(IdleTimeout)
	case receiving:
		c.bodyLate(now)
	case lingering:
		c.finish(Complete)
	case closed, opening, fetching, storing, leaving:
		panic("drop: a timer where no deadline is")
	}
}

// due is the deadline of the state the connection is in. A worker has none: what it owns
// cannot be closed.
func (c *Conn) due() int64 {
	switch c.state {
	case idle:
		if !c.used {
			return c.deadline
		}
		return c.active + c.drop.idleTimeout
	case sending:
		return c.active + c.drop.idleTimeout
	case receiving:
		return min(c.active+c.drop.idleTimeout, c.up.window)
	case heading:
		return min(c.deadline, c.doubt)
	case lingering:
		return c.deadline
	}
	return loop.Never
}

// rearm brings the timer forward when the state has less time than the one before.
func (c *Conn) rearm() {
	if due := c.due(); due < c.timer.Due() {
		c.in.loop.SetTimer(&c.timer, c, due)
	}
}

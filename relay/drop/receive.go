package drop

import (
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// receive looks at what has come. The bytes stay in the socket until the head is whole.
func (c *Conn) receive() {
	c.in.scratch()
	if c.owes && !c.introduce() {
		return
	}
	early := copy(c.in.input, c.early)
	n, errno := sock.Peek(c.end.FD, c.in.input[early:])
	switch {
	case errno == unix.EAGAIN && c.state == idle && !c.parting():
		// Readable, and nothing to read: urgent data (MSG_OOB). Edge-triggered we do
		// not hear of it again and again.
		c.begins()
		c.await(0)
	case errno == unix.EAGAIN:
	case errno != 0:
		c.end.Err = errno
		c.finish(ClientReset)
	case n == 0 && c.request.began == 0:
		c.finish(Complete) // between two requests, or instead of a first one
	case n == 0:
		c.finish(ClientClosed)
	default:
		c.begins()
		c.examine(c.in.input[:early+n])
	}
}

// begins notes when a request's first byte was seen. The first request of a connection
// has its deadline since accept.
func (c *Conn) begins() {
	if c.request.began != 0 {
		return
	}
	c.renew()
	c.request.began = c.in.loop.Now()
	if c.used {
		c.deadline = c.request.began + c.drop.headerTimeout
	}
}

func (c *Conn) examine(b []byte) {
	h, status := findHead(b)
	switch {
	case status != 0:
		c.refuse(status)
	case h.size == 0:
		c.await(len(b))
	default:
		c.begin(h, b[:h.size])
	}
}

// fullAfter is how long after a head has grown the socket is asked whether it can hold
// any more of it. The window closes with an acknowledgement, which may be delayed by a
// fifth of a second.
const fullAfter = int64(250 * time.Millisecond)

// await waits for the rest of a head of which n bytes are here: edge-triggered, since the
// socket stays readable. The deadline holds for the whole head, however it trickles in.
func (c *Conn) await(n int) {
	if sock.HungUp(c.end.FD) {
		c.last(n)
		return
	}
	if n > int(c.seen) && c.end.Kind == flow.TCP {
		c.doubt = c.in.loop.Now() + fullAfter
	}
	c.seen = int32(n)
	if c.state == idle {
		c.setState(heading)
		if !c.ask(loop.In | loop.Edge) {
			return
		}
	}
	c.rearm()
}

// last looks once more at a head of which n bytes were here before its client ended its
// direction: the rest may have come with that end.
func (c *Conn) last(n int) {
	early := copy(c.in.input, c.early)
	more, _ := sock.Peek(c.end.FD, c.in.input[early:])
	if early+more > n {
		c.examine(c.in.input[:early+more])
		return
	}
	c.refuse(statusBadRequest) // the rest will never come
}

// headLate is called when a head's time is over, or when it may have filled the socket:
// then no more of it can come, and no event will tell.
func (c *Conn) headLate(now int64) {
	switch {
	case now >= c.deadline:
		c.refuseLate()
	case sock.ReceiveFull(c.end.FD):
		c.unblock()
	default:
		c.doubt = loop.Never
		c.rearm()
	}
}

// unblock takes a part of a head out of a socket that is full with it, so that the rest can
// come. A few bytes may do that: they pin the whole segment that they came in, which may
// have brought the body before them.
func (c *Conn) unblock() {
	n, errno := sock.Recv(c.end.FD, c.in.input)
	if errno != 0 && errno != unix.EAGAIN {
		c.end.Err = errno
		c.finish(ClientReset)
		return
	}
	c.early = append(c.early, c.in.input[:n]...)
	c.doubt = loop.Never
	if len(c.early) >= headMost {
		c.refuse(statusHeadTooLarge)
		return
	}
	c.rearm()
}

// take removes exactly the head from the socket, where all of it is but for what was
// taken early.
func (c *Conn) take(size int) bool {
	size -= len(c.early)
	c.early = nil
	for size > 0 {
		n, errno := sock.Recv(c.end.FD, c.in.input[:size])
		if n == 0 {
			c.end.Err = errno
			return false
		}
		size -= n
	}
	return true
}

// ask tells epoll what is wanted of the connection; false says that it is finished
// because epoll had no room.
func (c *Conn) ask(want loop.Events) bool {
	if errno := c.in.loop.Ask(c.token, want); errno != 0 {
		c.end.Err = errno
		c.finish(NoResources)
		return false
	}
	return true
}

// strand handles an error or a hang-up that nobody can act on yet: the connection leaves
// epoll, which would report it without end. The next send finds out.
func (c *Conn) strand(ev loop.Events) {
	if ev&(loop.Err|loop.Hup) != 0 {
		c.in.loop.Park(c.token)
	}
}

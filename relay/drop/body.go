package drop

import (
	"golang.org/x/sys/unix"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// The body of an upload flows into its file.

// arrives is told that the socket has bytes of the body. A long turn waits for the other
// events of this round, as with responses.
func (c *Conn) arrives(ev loop.Events) {
	switch {
	case ev&loop.Resume != 0:
		c.queued = false
		c.gather()
	case c.queued:
	case c.up.flow.Remain > longTurn:
		c.queue()
	default:
		c.gather()
	}
}

// gather gives the body a turn.
func (c *Conn) gather() {
	up := c.up
	before := up.flow.Moved
	status := c.in.receiver.Receive(&up.flow, &c.end, &up.target, c)
	if up.flow.Moved != before {
		c.active = c.in.loop.Now()
		c.tell()
		up.progress(c)
	}
	switch status {
	case flow.Drained:
		if c.state == storing {
			c.setState(receiving)
		}
		if c.ask(loop.In) {
			c.rearm()
		}
	case flow.Pending:
		if c.state == receiving {
			c.setState(storing)
		}
		c.in.loop.Ask(c.token, 0)
	case flow.Ended:
		if up.tooMuch(c.drop) {
			up.doomed = true
			c.uploadFailed(up.target.MostErr)
			return
		}
		c.arrivedWhole()
	case flow.SourceFailed:
		c.cutOff()
	case flow.SinkFailed:
		up.doomed = true
		c.uploadFailed(up.target.Err)
	case flow.Moved, flow.Blocked:
		panic("drop: a body that waits for its file")
	}
}

// progress is told of bytes that are in the file.
func (up *upload) progress(c *Conn) {
	if up.o != nil {
		up.advance(c, &up.target)
	}
	up.grow(c.drop, growBytes)
	up.arrivingFile().reach(up.target.Offset)
	up.trail.follow(c.in.workers.Hashing, c.in.loop, up.target.FD, up.target.Offset)
}

// writeBehind is how many bytes of a file that is to be durable come before the disk is told
// to begin with them. In steps of 16 MiB it got in the way.
const writeBehind = 64 << 20

// beside is what the worker that fills the file does as it goes: it computes digests, and of
// a file that is to be durable it has the disk begin, so that the sync at the end is short.
func (up *upload) beside(durable bool) func(upTo int64) {
	read := up.trail.beside(up.target.FD)
	if !durable {
		return read
	}
	fd, begun := up.target.FD, up.target.Offset
	return func(upTo int64) {
		if read != nil {
			read(upTo)
		}
		if upTo-begun >= writeBehind {
			sock.WriteBehind(fd, begun, upTo-begun)
			begun = upTo
		}
	}
}

// growBytes is how much of a file of unknown length comes before it is counted.
const growBytes = 1 << 20

// grow sets room aside for what has come of a file of unknown length, if it is least bytes,
// and looks how much is left: several of them must not each take all that there was when
// they began.
func (up *upload) grow(d *Drop, least int64) {
	came := up.target.Offset - up.from - up.promised
	if !up.grows || came < least {
		return
	}
	up.promised += came
	up.target.Most, up.target.MostErr = d.room(up.target.Offset, came)
}

// tooMuch reports that there was no room for all of a file of unknown length.
func (up *upload) tooMuch(d *Drop) bool {
	up.grow(d, 1)
	return up.grows && up.target.Most > 0 && up.target.Offset > up.target.Most
}

// arrivedWhole goes on when the last byte of the body is in the file.
func (c *Conn) arrivedWhole() {
	if c.state == storing {
		c.setState(receiving)
	}
	if c.up.message != nil {
		c.heard()
		return
	}
	if c.up.o != nil && !c.up.completes {
		c.pause()
		return
	}
	c.publish()
}

// cutOff ends an upload whose client has gone before its last byte.
func (c *Conn) cutOff() {
	if c.state == storing {
		c.setState(receiving)
	}
	if c.end.Err == unix.EPROTO {
		c.request.why = BadRequest
		c.failBecause(statusBadRequest, "the chunks of the body are malformed")
		return
	}
	if c.end.Err != 0 {
		c.finish(ClientReset)
		return
	}
	c.finish(ClientClosed)
}

// judge begins the next stretch over which the rate of a body is judged.
func (c *Conn) judge(now int64) {
	c.up.judged = c.up.flow.Moved
	c.up.window = now + c.drop.bodyTimeout
}

// bodyLate is called when no byte has come for too long, or when a stretch is over.
// Bytes that wait in the socket have come: it is us who are late.
func (c *Conn) bodyLate(now int64) {
	least := uint64(c.drop.limits.BodyRateMin) * uint64(c.drop.bodyTimeout) / 1e9
	idle := now >= c.active+c.drop.idleTimeout
	if !idle && (c.up.flow.Moved-c.up.judged >= least || sock.Unread(c.end.FD) > 0) {
		c.judge(now)
		c.rearm()
		return
	}
	c.request.why = BodyTimeout
	if idle {
		c.request.why = IdleTimeout
	}
	c.fail(statusTimeout)
}

package drop

import (
	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// respond begins to send a response: b, of which the first head bytes are its head (the
// log does not count them) and the rest a short text, and then body bytes of the file.
func (c *Conn) respond(b []byte, head int, body int64) {
	c.request.before, c.request.length = uint64(head), uint64(body)
	c.request.head = nil
	c.flow = flow.Flow{Remain: body, Chunk: c.drop.chunk}
	c.setState(sending)
	c.active = c.in.loop.Now()
	status := c.in.sender.Begin(&c.flow, &c.file, &c.end, b, c.holds())
	switch {
	case status != flow.Moved:
		c.after(status)
	case c.flow.Remain == 0:
		c.complete()
	case c.long():
		c.queue()
	default:
		c.send()
	}
}

// heldMost bounds the answers that wait in the socket, so that a sender which goes on when
// some are there has not to wait for all of them.
const heldMost = 8

// holds reports that an answer may wait in the socket for the next one: its request is here,
// and answered as soon as a worker has seen it, unless that has to wait for a disk. Many
// answers are one packet then, and wake their reader once.
func (c *Conn) holds() bool {
	if !c.next || c.closing || c.drop.durable || c.held == heldMost {
		c.held = 0
		return false
	}
	c.held++
	return true
}

// push sends answers that wait: the next one will take longer.
func (c *Conn) push() {
	if c.held > 0 {
		c.held = 0
		sock.Push(c.end.FD)
	}
}

// longTurn is how much of a file, in bytes, makes a turn a long one.
const longTurn = 128 << 10

func (c *Conn) long() bool { return c.flow.Remain > longTurn || c.flow.Streams() }

// turn is told that the socket takes bytes. A long turn waits until the other events of
// this round are dealt with: many fast downloads must not hold up one keystroke.
func (c *Conn) turn(ev loop.Events) {
	switch {
	case ev&loop.Resume != 0:
		c.queued = false
		c.send()
	case c.queued:
	case c.long():
		c.queue()
	default:
		c.send()
	}
}

func (c *Conn) queue() {
	c.queued = true
	c.in.loop.Again(c.token)
}

// send gives the response a turn.
func (c *Conn) send() {
	before := c.flow.Moved
	status := c.in.sender.Send(&c.flow, &c.file, &c.end, c)
	if c.flow.Moved != before {
		c.active = c.in.loop.Now()
		c.tell()
	}
	c.after(status)
}

// after does what the outcome of a turn asks for. A turn that ended with a socket which
// still takes bytes asks epoll for the next one, like one that was blocked: others have
// theirs first, and by then the socket takes more at a time.
func (c *Conn) after(status flow.Status) {
	switch status {
	case flow.Moved, flow.Blocked:
		if c.ask(loop.Out) {
			c.rearm()
		}
	case flow.Pending:
		c.setState(fetching)
		c.in.loop.Ask(c.token, 0)
	case flow.Ended:
		c.complete()
	case flow.SinkFailed:
		c.finish(ClientReset)
	case flow.SourceFailed:
		c.fileFailed()
	case flow.Drained:
		panic("drop: a file that will have more later")
	}
}

// fileFailed cuts the response off with a reset: what was promised will not come, and
// nobody must take it for whole.
func (c *Conn) fileFailed() {
	if c.file.Err == 0 {
		c.finish(FileChanged)
		return
	}
	c.in.log.Warn().Str("drop", c.drop.Service.Config.Name).Str("path", c.request.path).
		Str("error", c.file.Err.Error()).Msg("a file could not be read")
	c.finish(FileError)
}

// Returned is called when a worker has done a step of the response, or of an upload.
func (c *Conn) Returned() {
	if c.state == leaving {
		c.close(c.leaving)
		return
	}
	if c.up != nil {
		c.gather()
		return
	}
	c.setState(sending)
	c.send()
}

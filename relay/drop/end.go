package drop

import (
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// Reason is why a request ended, in the access log's words.
type Reason string

// The reasons. A listen.Refusal and the reasons of a drain are reasons too.
const (
	Complete       Reason = "complete"      // every byte of the response is with the kernel
	ClientReset    Reason = "client_reset"  // nobody takes the response
	ClientClosed   Reason = "client_closed" // in the middle of a head
	BadRequest     Reason = "bad_request"   // answered with 400, 414 or 431
	BadProxyHeader Reason = "bad_proxy_header"
	HeaderTimeout  Reason = "header_timeout"  // answered with 408
	IdleTimeout    Reason = "idle_timeout"    // no byte of the response was taken
	BodyTimeout    Reason = "body_timeout"    // the body came too slowly; answered with 408
	DigestMismatch Reason = "digest_mismatch" // a file was damaged on its way; answered with 400
	TakenOver      Reason = "taken_over"      // a new request goes on with the upload
	Denied         Reason = "denied"          // no token, or not the right one; answered with 401 or 403
	NoSpace        Reason = "no_space"        // no room for a file; answered with 507
	FileChanged    Reason = "file_changed"    // while it was sent, or copied
	FileError      Reason = "file_error"      // it could not be read
	NoResources    Reason = "no_resources"    // no descriptors or memory here
)

const (
	// lingerTime bounds how long a connection waits for its client to read the answer
	// and close. Half-close timeouts that are shorter go first.
	lingerTime = int64(10 * time.Second)
	// lingerBytes bounds what it throws away meanwhile.
	lingerBytes = 64 << 20
	// lingerReads bounds the reads of a turn.
	lingerReads = 16
)

// complete ends a request whose response is sent, and goes on to the next.
func (c *Conn) complete() {
	now := c.in.loop.Now()
	if c.request.why == "" {
		c.request.why = Complete
	}
	c.logRequest(c.request.why)
	c.closeFile()
	c.request, c.flow = exchange{}, flow.Flow{}
	c.used, c.active, c.seen, c.doubt = true, now, 0, loop.Never
	if c.closing {
		c.part()
		return
	}
	c.setState(idle)
	if c.next {
		c.next = false
		if c.receive(); c.state != opening {
			c.push()
		}
		return
	}
	if c.ask(loop.In) {
		c.rearm()
	}
}

// part closes the connection after its last response. A close with input unread is a
// reset, and that may overtake the answer: then only our direction ends, and input is
// thrown away until the client has closed its own.
func (c *Conn) part() {
	if !c.rude && sock.Unread(c.end.FD) == 0 || sock.Shutdown(c.end.FD, unix.SHUT_WR) != 0 {
		c.finish(Complete)
		return
	}
	c.setState(lingering)
	c.deadline = c.in.loop.Now() + min(c.drop.halfCloseTimeout, lingerTime)
	if c.parting() {
		c.deadline = min(c.deadline, c.in.loop.Now()+lingerDrained)
	}
	if c.ask(loop.In) {
		c.rearm()
	}
}

// discard throws input away.
func (c *Conn) discard() {
	for range lingerReads {
		n, errno := sock.Recv(c.end.FD, c.in.input)
		if errno == unix.EAGAIN {
			return
		}
		if c.drained += int64(n); n == 0 || c.drained > lingerBytes {
			c.finish(Complete)
			return
		}
	}
}

// finish is the only way out. A worker that has the file, the pipe and the socket is
// waited for.
func (c *Conn) finish(why Reason) {
	switch c.state {
	case opening, fetching, storing:
		c.leaving = why
		c.setState(leaving)
		c.in.loop.StopTimer(&c.timer)
	case leaving:
	default:
		c.close(why)
	}
}

// close closes everything. In the middle of a request that is a reset: an end that relay
// causes must not look like the response's own.
func (c *Conn) close(why Reason) {
	cs := c.in
	c.setState(closed)
	cs.loop.StopTimer(&c.timer)
	cs.mover.Discard(&c.flow)
	c.closeFile()
	c.abandon()
	cs.loop.Forget(c.token)
	if c.request.began != 0 {
		c.logRequest(why)
	}
	if c.request.began != 0 && c.end.Kind == flow.TCP {
		sock.Reset(c.end.FD)
	} else {
		sock.Close(c.end.FD)
	}
	c.drop.Service.Leave()
	if !c.owes {
		c.drop.Service.LeaveSource(c.client)
	}
	cs.loop.Load.Add(-1)
	cs.release(c)
}

// logRequest counts the request and writes its access-log line.
func (c *Conn) logRequest(why Reason) {
	c.count(why)
	if !c.in.access {
		return
	}
	e := &c.request
	line := c.in.log.Info().Str("drop", c.drop.Service.Config.Name)
	if c.end.Kind == flow.Unix {
		line.Str("client", "unix:")
	} else {
		line.Str("client", c.client.String())
	}
	if e.method != "" {
		line.Str("method", e.method).Str("path", e.path)
	}
	if e.grant.Name != "" {
		line.Str("token", e.grant.Name)
	}
	if e.status != 0 {
		line.Int("status", e.status)
	}
	line.Uint64("bytes", c.flow.Moved-min(c.flow.Moved, uint64(e.before)))
	if e.got > 0 {
		line.Uint64("received", e.got)
	}
	if e.file {
		line.Str("transfer", c.drop.transfer)
	}
	line.Float64("duration_ms", milliseconds(loop.Clock()-e.began)).Str("reason", string(why)).Msg("request")
}

package drop

import (
	"golang.org/x/sys/unix"

	"relay/relay/drop/digest"
	"relay/relay/drop/store"
	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// upload is a file that arrives: admit, receive, publish.
//
//	admit     a worker checks name, conditions and space, and opens a file nobody sees
//	receive   the body flows into it: the loop fills a pipe, a worker flushes it
//	publish   a worker makes it durable and gives it its name
//
// Whatever fails before the name is given leaves nothing behind.
type upload struct {
	name       name
	length     int64 // of the body, in bytes
	continues  bool  // the client waits for a 100
	terms      store.Terms
	part       *store.Partial // nil before it is opened and after it is published
	fields     uploadFields
	algorithms []digest.Algorithm
	trail      *trail // nil = no digest is computed
	sums       []digest.Sum
	flow       flow.Flow
	target     flow.Target
	most       int64 // bytes that a body without a length may bring; 0 = any
	mostErr    sock.Errno
	promised   int64  // bytes of room that were set aside
	came       int64  // bytes of the file that was published
	told       uint64 // bytes that have been counted
	window     int64  // when the rate is judged next
	judged     uint64 // bytes that had come when it was judged last

	// Of uploads that several requests may bring (resumable.go):
	resumable bool     // the client speaks the protocol
	o         *ongoing // nil = this request brings the whole file
	creates   bool     // this request began it
	completes bool     // its body is the last of the file
	told104   bool     // its client understands a 104
	doomed    bool     // it is not to be gone on with
}

// admit has a worker look whether the file can be taken, and open a place for it.
func (c *Conn) admit(up *upload) {
	d := c.drop
	c.up = up
	d.uploads.Add(1)
	var err error
	c.toWorker(func() {
		up.part, err = d.makeRoom(up)
	}, func() {
		switch {
		case c.state == leaving:
			c.close(c.leaving)
		case err != nil:
			c.uploadFailed(err)
		default:
			c.admitted()
		}
	})
}

// makeRoom runs on a worker.
func (d *Drop) makeRoom(up *upload) (*store.Partial, error) {
	if err := d.store.Check(up.name.path, up.terms); err != nil {
		return nil, err
	}
	size := max(up.length, 0)
	if up.o != nil {
		size = max(up.o.state.Length, size)
	}
	if err := d.promise(size); err != nil {
		return nil, err
	}
	up.promised = size
	if up.length < 0 {
		up.most, up.mostErr = d.room()
	}
	if up.o != nil {
		return nil, d.makeOngoing(up)
	}
	return d.store.Begin(up.name.path, size)
}

func (c *Conn) admitted() {
	up := c.up
	up.flow = flow.Flow{Remain: up.length, Chunk: c.drop.chunk}
	if up.length < 0 {
		up.flow.Remain = flow.Unlimited
	}
	if up.o != nil {
		up.target = flow.Target{FD: up.o.part.FD, Offset: up.o.offset}
		if up.told104 && up.creates && !c.say104() {
			return
		}
	} else {
		up.target = flow.Target{FD: up.part.FD}
	}
	up.target.Most, up.target.MostErr = up.most, up.mostErr
	if up.length < 0 {
		up.target.Chunks = &flow.Chunks{}
	}
	if up.length == 0 {
		c.arrivedWhole()
		return
	}
	if up.continues && !c.say100() {
		return
	}
	now := c.in.loop.Now()
	c.active = now
	c.judge(now)
	c.setState(receiving)
	if up.o != nil && up.o.wanted() {
		c.finish(TakenOver) // whoever came meanwhile found nothing to end yet
		return
	}
	c.gather()
}

// say100 tells the client to send the body. There is room for a line in any socket whose
// client reads; one that does not will find out by itself.
func (c *Conn) say100() bool {
	const line = "HTTP/1.1 100 Continue\r\n\r\n"
	n, errno := sock.Send(c.end.FD, []byte(line), false)
	if errno != 0 && errno != unix.EAGAIN || n > 0 && n < len(line) {
		c.end.Err = errno
		c.finish(ClientReset)
		return false
	}
	return true
}

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
	t := up.trail
	if up.o != nil {
		up.advance(c, &up.target)
		t = up.o.trail
	}
	t.follow(c.in.hashing, c.in.loop, up.target.FD, up.target.Offset)
}

// arrivedWhole goes on when the last byte of the body is in the file.
func (c *Conn) arrivedWhole() {
	if c.state == storing {
		c.setState(receiving)
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

// publish has a worker give the file its name.
func (c *Conn) publish() {
	up, s := c.up, c.drop.store
	var done store.Published
	var err error
	c.toWorker(func() {
		if up.o != nil {
			done, err = up.complete(s)
		} else {
			done, err = up.publish()
		}
	}, func() {
		up.part = nil
		if err == nil {
			up.came = done.Info.Size
			c.arrived(done)
		}
		switch {
		case c.state == leaving:
			c.close(c.leaving)
		case err != nil:
			c.uploadFailed(err)
		default:
			c.acknowledge(done)
		}
	})
}

// publish runs on a worker.
func (up *upload) publish() (done store.Published, err error) {
	up.sums, err = up.trail.end(up.part.FD, up.target.Offset)
	if err == nil && !agree(up.fields.sums, up.sums) {
		err = errDigest
	}
	if err != nil {
		up.part.Abandon()
		return done, err
	}
	up.terms.Digests = digest.Join(up.sums)
	return up.part.Publish(up.terms)
}

// acknowledge answers that the file is here. All of the body was read, so the connection
// can go on.
func (c *Conn) acknowledge(done store.Published) {
	c.rude = false
	c.closing = !c.request.keep || c.parting()
	status := statusCreated
	if done.Replaced {
		status = statusNoContent
	}
	up := c.up
	c.abandon()
	v := newVersion(done.Info.Size, done.Info.Sec, done.Info.Nsec)
	b := c.describe(c.start(status), v)
	if up.resumable {
		b = append(b, "Upload-Draft-Interop-Version: "+interopVersion+"\r\nUpload-Complete: ?1\r\nUpload-Offset: "...)
		b = append(appendInt(b, done.Info.Size), crlf...)
	}
	if len(up.sums) > 0 {
		b = append(append(append(b, "Repr-Digest: "...), digest.Join(up.sums)...), crlf...)
	}
	if !up.fields.mtime.IsZero() {
		b = append(b, "X-OC-Mtime: accepted\r\n"...)
	}
	if !done.Replaced {
		b = append(b, "Location: /"...)
		b = append(b, escape(done.Path)...)
		b = append(b, "\r\nContent-Length: 0\r\n"...)
	}
	b = append(b, "\r\n"...)
	c.respond(b, len(b), 0)
}

// abandon forgets the upload, with what has come of it.
func (c *Conn) abandon() {
	up := c.up
	if up == nil {
		return
	}
	c.tell()
	c.up = nil
	c.drop.uploads.Add(-1)
	c.drop.kept(up.promised, up.came)
	c.in.mover.Discard(&up.flow)
	if up.o != nil {
		c.letGo(up)
	}
	if up.part != nil {
		c.in.disk.Do(c.in.loop, func() {
			up.trail.stop()
			up.part.Abandon()
		}, nil)
	}
}

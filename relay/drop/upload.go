package drop

import (
	"golang.org/x/sys/unix"

	"relay/relay/drop/digest"
	"relay/relay/drop/store"
	"relay/relay/flow"
	"relay/relay/sock"
)

// upload is a file that arrives: admit, receive, publish.
//
//	admit     a worker checks name, conditions and space, and opens a file nobody sees
//	receive   the body flows into it: the loop fills a pipe, a worker flushes it
//	publish   a worker makes it durable and gives it its name
//
// For a small file that has come with its head one worker does it all.
//
// Whatever fails before the name is given leaves nothing behind.
type upload struct {
	name       name
	length     int64 // of the body, in bytes
	continues  bool  // the client waits for a 100
	terms      store.Terms
	repeat     *store.Published // what became of it when it came before, and is now in its own way; else publishing finds out
	part       *store.Partial   // nil before it is opened and after it is published
	fields     uploadFields
	algorithms []digest.Algorithm
	trail      *trail    // nil = no digest is computed
	arriving   *Arriving // nil = nobody wants to read it before it is whole
	sums       []digest.Sum
	flow       flow.Flow
	target     flow.Target
	most       int64 // bytes that a body without a length may bring; 0 = any
	mostErr    sock.Errno
	promised   int64  // bytes of room that were set aside
	grows      bool   // nobody knows how many are needed: they are, as they come
	came       int64  // bytes of the file that was published
	from       int64  // where in its file the body begins
	told       uint64 // bytes that have been counted
	here       bool   // it is small, and all of it has come with its head
	hurried    bool   // it was published by the worker that admitted it,
	done       store.Published
	err        error  // with this result
	window     int64  // when the rate is judged next
	judged     uint64 // bytes that had come when it was judged last

	message *message // nil = the body is a file
	copies  *copying // nil = the bytes come from the client

	// Of uploads that several requests may bring (resumable.go):
	resumable bool     // the client speaks the protocol
	o         *ongoing // nil = this request brings the whole file
	creates   bool     // this request began it
	completes bool     // its body is the last of the file
	whole     bool     // and it is here
	told104   bool     // its client understands a 104
	doomed    bool     // it is not to be gone on with
}

// admit has a worker look whether the file can be taken, and open a place for it.
func (c *Conn) admit(up *upload) {
	d := c.drop
	c.up = up
	d.uploads.Add(1)
	var err error
	var more bool
	c.toWorker(func() {
		if up.o == nil && !up.continues && up.length >= 0 {
			up.here, more = flow.Here(&c.end, up.length)
		}
		if up.part, err = d.makeRoom(up); err == nil && up.here {
			up.hurry(c.in.receiver, &c.end)
		}
	}, func() {
		if up.hurried {
			c.next = more
			c.published(up.done, up.err)
		} else {
			c.push()
		}
		c.worked(err, c.admitted)
	})
}

// hurry takes and publishes a small file that has come with its head: it costs one exchange
// with a worker then, and not three. It runs on that worker.
func (up *upload) hurry(r *flow.Receiver, from *flow.End) {
	if up.length > 0 && !r.Early(from, &up.target, up.length) {
		return
	}
	up.hurried = true
	up.done, up.err = up.publish(up.length)
}

// makeRoom runs on a worker.
func (d *Drop) makeRoom(up *upload) (*store.Partial, error) {
	if err := d.mayTake(up); err != nil {
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
	switch {
	case up.length >= 0:
	case size > 0:
		up.most, up.mostErr = size, unix.EFBIG
	default:
		up.grows = true
		up.most, up.mostErr = d.room(0, 0)
	}
	if up.o != nil {
		return nil, d.makeOngoing(up)
	}
	part, err := d.store.Begin(up.name.path, size)
	if err == nil {
		up.target.FD = part.FD
	}
	if err == nil && up.repeat == nil {
		up.arriving = d.announce(up.name.path, up.length, 0, up.fields.via, part.FD, up.trail)
	}
	return part, err
}

// mayTake finds out early what publishing would refuse, so that nobody sends a file in vain.
// One that is here, and goes wherever it was put, need not be asked about twice.
func (d *Drop) mayTake(up *upload) error {
	if up.here && !up.terms.Picky() {
		return nil
	}
	err := d.store.Check(up.name.path, up.terms)
	if err == nil {
		return nil
	}
	done, repeated := d.store.Repeats(up.name.path, up.terms.ID)
	if !repeated {
		return err
	}
	up.repeat = &done // its bytes are taken all the same, so that the connection goes on
	return nil
}

func (c *Conn) admitted() {
	up := c.up
	up.aim(c.drop)
	if up.o != nil && up.told104 && up.creates && !c.say104() {
		return
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

// aim has the body flow into its file.
func (up *upload) aim(d *Drop) {
	up.flow = flow.Flow{Remain: up.length, Chunk: d.chunk}
	if up.o != nil {
		up.from, up.trail = up.o.offset, up.o.trail
		up.target = flow.Target{FD: up.o.part.FD, Offset: up.from}
	}
	up.target.Most, up.target.MostErr = up.most, up.mostErr
	up.target.Stored = up.beside(d.durable)
	if up.length < 0 {
		up.flow.Remain = flow.Unlimited
		up.target.Chunks = &flow.Chunks{}
	}
}

// say100 tells the client to send the body.
func (c *Conn) say100() bool { return c.interim([]byte("HTTP/1.1 100 Continue\r\n\r\n")) }

// interim sends an answer before the answer, and reports whether the connection goes on.
// There is room for a few lines in any socket whose client reads; one that does not will
// find out by itself.
func (c *Conn) interim(b []byte) bool {
	n, errno := sock.Send(c.end.FD, b, false)
	if errno != 0 && errno != unix.EAGAIN || n > 0 && n < len(b) {
		c.end.Err = errno
		c.setState(leaving) // no worker is out, for which finish would wait
		c.close(ClientReset)
		return false
	}
	return true
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
	if up.o != nil && !up.doomed && !up.o.gone {
		up.came = up.target.Offset - up.from // a part stays, too
	}
	c.drop.keptOf(up)
	c.in.mover.Discard(&up.flow)
	up.arriving.end(store.Published{}) // unless it was published
	if up.o != nil {
		c.letGo(up)
	}
	if up.message != nil {
		c.drop.registry.messages.Add(-up.message.held)
		sock.Close(up.target.FD) // in memory: nothing is waited for
	}
	if up.copies != nil {
		c.in.workers.Disk.Do(c.in.loop, func() { sock.CloseFile(up.copies.fd) }, nil) // it may have been removed
	}
	if up.part != nil {
		c.in.workers.Disk.Do(c.in.loop, func() {
			up.trail.stop()
			up.part.Abandon()
		}, nil)
	}
}

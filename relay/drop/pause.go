package drop

import (
	"relay/relay/drop/digest"
	"relay/relay/drop/store"
	"relay/relay/flow"
)

// How a request of a resumable upload ends: with a part of the file, or with the last.

// pause ends a request that brought a part: it is made durable, and told.
func (c *Conn) pause() {
	up, s := c.up, c.drop.store
	c.work(func() error {
		err := up.o.suspend(s, true)
		up.doomed = err != nil // what of it is on the disk cannot be known any more
		return err
	}, func() { c.paused(up.o, up.creates) })
}

func (c *Conn) paused(o *ongoing, creates bool) {
	c.rude = false
	c.closing = !c.request.keep || c.parting()
	var b []byte
	if creates {
		b = append(c.start(statusCreated), c.uploadPlace(o)...)
		b = append(b, "Content-Length: 0\r\n"...)
	} else {
		b = append(c.start(statusNoContent), "Upload-Draft-Interop-Version: "+interopVersion+"\r\n"...)
		b = append(b, c.uploadLimit(o.state.Expires)...)
	}
	b = append(append(b, o.progress()...), crlf...)
	c.abandon()
	c.respond(b, len(b), 0)
}

// letGo gives an upload back that several requests may bring; on the loop.
func (c *Conn) letGo(up *upload) {
	o, s, disk, l := up.o, c.drop.store, c.in.workers.Disk, c.in.loop
	doomed := up.doomed
	c.drop.hold()
	d := c.drop
	disk.Do(l, func() {
		if doomed && !o.gone {
			o.remove(s)
			return
		}
		_ = o.suspend(s, false) // what is not durable is not told: the next request asks the file
	}, func() {
		d.release()
		o.release()
	})
}

// advance notes how much of an upload there is, and has it made durable now and then, where
// that is promised: one at a time, a slow disk must not keep all workers. Otherwise the file
// alone tells how much of it there is, and after a restart of the machine nobody does.
func (up *upload) advance(c *Conn, target *flow.Target) {
	o := up.o
	before := o.offset
	o.offset, o.changed = target.Offset, true
	o.came.Store(o.offset - up.from)
	if c.drop.durable && o.offset/checkpointEvery > before/checkpointEvery && !o.checkpointing.Swap(true) {
		s, at, part := c.drop.store, o.offset, o.part
		c.in.workers.Disk.Do(c.in.loop, func() { o.checkpoint(s, part, at) }, nil)
	}
}

// complete checks the digests of an upload that several requests have brought, and
// publishes it; on a worker.
func (up *upload) complete(s *store.Store) (done store.Published, err error) {
	o := up.o
	t := o.trail
	if t == nil || !t.computes(up.algorithms) {
		t.stop()
		t = newTrail(up.algorithms...)
	}
	if o.state.Length >= 0 && o.offset != o.state.Length {
		o.remove(s)
		return done, errLength
	}
	up.sums, err = t.end(o.part.FD, o.offset)
	if err == nil && !agree(up.fields.sums, up.sums) {
		err = errDigest
	}
	if err != nil {
		o.remove(s)
		return done, err
	}
	up.terms.Digests = digest.Join(up.sums)
	return o.publish(s, up.terms)
}

package drop

import (
	"slices"

	"relay/relay/drop/digest"
	"relay/relay/drop/store"
)

// A file that has come whole gets its name.

// publish has a worker give the file its name.
func (c *Conn) publish() {
	up, s := c.up, c.drop.store
	up.whole = true
	if up.hurried {
		if c.state != opening {
			c.setState(opening)
		}
		c.worked(up.err, func() { c.acknowledge(up.done) })
		return
	}
	var done store.Published
	var err error
	c.toWorker(func() {
		if up.o != nil {
			done, err = up.complete(s)
		} else {
			done, err = up.publish(up.target.Offset)
		}
	}, func() {
		c.published(done, err)
		c.worked(err, func() { c.acknowledge(done) })
	})
}

// published notes what has become of the file, also if its client is gone.
func (c *Conn) published(done store.Published, err error) {
	up := c.up
	up.part = nil
	if err == nil && !done.Repeated {
		up.came = done.Info.Size
		up.arrivingFile().end(done)
		c.arrived(done)
	}
}

// publish runs on a worker; the file is of this size.
func (up *upload) publish(size int64) (done store.Published, err error) {
	if err := up.verify(size); err != nil {
		return done, err
	}
	if up.repeat != nil {
		up.part.Abandon()
		return *up.repeat, up.isRepeat(*up.repeat, size)
	}
	if !up.hurried {
		err = up.part.Follow()
	}
	if err != nil {
		up.part.Abandon()
		return done, err
	}
	if done, err = up.part.Publish(up.terms); err == nil && done.Repeated {
		err = up.isRepeat(done, size)
	}
	return done, err
}

// verify finds the digests of the file, and abandons it if they are not what was said.
func (up *upload) verify(size int64) (err error) {
	up.sums, err = up.trail.end(up.part.FD, size)
	if err == nil && !agree(up.fields.sums, up.sums) {
		err = errDigest
	}
	if err != nil {
		up.part.Abandon()
	}
	up.terms.Digests = digest.Join(up.sums)
	return err
}

// isRepeat says whether what came is what was published under its id. A sender that calls
// two files the same must not be told that the second is stored.
func (up *upload) isRepeat(done store.Published, size int64) error {
	if done.Info.Size != size {
		return errOther
	}
	before, _ := digest.Parse([]string{done.Digests}) // those that are known
	for _, s := range before {
		if slices.ContainsFunc(up.sums, func(o digest.Sum) bool { return o.By == s.By && !o.Equal(s) }) {
			return errOther
		}
	}
	return nil
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
	if up.fields.id != "" {
		b = append(b, acceptPost...) // its sender has more of them, maybe
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

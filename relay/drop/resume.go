package drop

import (
	"net/http"

	"golang.org/x/sys/unix"

	"relay/relay/drop/token"
)

// A request to the place of a resumable upload: it takes the upload from the request
// before it, asks, forgets or goes on.

// atUpload takes up a request to the place of an upload.
func (c *Conn) atUpload(id string) {
	if !c.drop.limits.Write {
		c.fail(statusNotFound)
		return
	}
	switch c.request.method {
	case http.MethodHead, http.MethodGet, http.MethodDelete:
	case http.MethodPatch:
		if status, why := c.refuseAppend(); status == statusMediaType {
			c.failText(status, acceptPatch, why)
			return
		} else if status != 0 {
			c.failBecause(status, why)
			return
		}
	default:
		c.failText(statusMethod, allowAtUpload, "")
		return
	}
	var o *ongoing
	c.work(func() (err error) {
		o, err = c.drop.registry.find(c.drop.store, id)
		return err
	}, func() {
		// Whoever has no right here does not end the request that brings the file.
		if c.may(token.Write, string(o.state.Path)) {
			o.seize(c, func() { c.seized(o) })
		}
	})
}

// seized has a worker open the upload's file; the connection is its owner.
func (c *Conn) seized(o *ongoing) {
	if c.state == leaving {
		o.release()
		c.close(c.leaving)
		return
	}
	c.up = &upload{o: o, name: name{path: string(o.state.Path)}, resumable: true}
	c.drop.uploads.Add(1)
	s := c.drop.store
	remove := c.request.method == http.MethodDelete
	c.work(func() error {
		if remove && !o.gone {
			o.remove(s)
			return nil
		}
		err := o.open(s)
		if err == nil && c.request.method == http.MethodPatch {
			c.drop.announceOngoing(o)
		}
		return err
	}, c.opened)
}

// opened goes on with an upload whose file is open, or that was removed.
func (c *Conn) opened() {
	switch c.request.method {
	case http.MethodDelete:
		c.abandon()
		c.succeed(statusNoContent)
	case http.MethodPatch:
		c.append(c.up)
	default:
		c.tellOffset(c.up.o)
	}
}

// tellOffset answers HEAD, and GET in the same way.
func (c *Conn) tellOffset(o *ongoing) {
	b := append(c.start(statusNoContent), "Upload-Draft-Interop-Version: "+interopVersion+"\r\nCache-Control: no-store\r\n"...)
	b = append(b, c.uploadLimit(o.state.Expires)...)
	b = append(b, o.progress()...)
	if done := o.state.Done; done != nil { // for who has missed the answer that said it
		b = append(append(append(b, "Content-Location: /"...), escape(string(done.Path))...), crlf...)
	}
	c.abandon()
	b = append(b, crlf...)
	c.respond(b, len(b), 0)
}

// refuseAppend judges the head of a PATCH.
func (c *Conn) refuseAppend() (status int, why string) {
	r := c.request.head
	f := readResumeFields(r.Header)
	switch {
	case !isPartial(r.Header):
		return statusMediaType, "the Content-Type of what goes on with an upload is " + partialUpload
	case f.offset < 0 || !f.asks:
		return statusBadRequest, "Upload-Offset says where the content goes, and Upload-Complete (?0 or ?1) whether it is the last"
	case !c.sized():
		return statusLength, "say how long the content is (Content-Length)"
	case c.drop.full():
		return statusUnavailable, "too many files are arriving; try again later"
	}
	return 0, ""
}

// append takes the content of a PATCH, once it goes on where the upload is.
func (c *Conn) append(up *upload) {
	o, r := up.o, c.request.head
	f := readResumeFields(r.Header)
	whole := o.state.Length
	if f.length >= 0 && whole < 0 {
		whole = f.length
	}
	up.length = r.ContentLength
	end := f.offset + up.length // of one in chunks nothing is known yet
	if up.length < 0 {
		end = f.offset
		up.most, up.mostErr = whole, unix.EFBIG
		if whole < 0 {
			up.grows = true
			up.most, up.mostErr = c.drop.room(o.offset, 0)
		}
	}
	if !c.fitsOngoing(f, whole, end) {
		return
	}
	o.state.Length = whole
	if f.complete && up.length >= 0 {
		o.state.Length = end
	}
	if f.complete {
		if err := c.drop.describeUpload(up, mergeFields(o.state.Header, r.Header)); err != nil {
			c.failBecause(statusBadRequest, err.Error())
			return
		}
	}
	up.completes, up.continues = f.complete, c.expects100()
	if up.length == 0 || up.grows {
		c.admitted()
		return
	}
	n := up.length
	if n < 0 {
		n = whole - o.offset // at most
	}
	c.work(func() error { return c.drop.makeRoomFor(up, n) }, c.admitted)
}

// describeUpload notes what the file is to be published with.
func (d *Drop) describeUpload(up *upload, header http.Header) error {
	fields, err := readUploadFields(header)
	if err != nil {
		return err
	}
	up.fields, up.terms = fields, d.terms(header)
	up.terms.Mtime, up.terms.Mode, up.terms.Via = fields.mtime, fields.mode, fields.via
	up.algorithms = fields.algorithms(d.digest)
	return nil
}

// makeRoomFor sets room aside for n bytes of content of a PATCH; on a worker. What the request
// that began the upload had set aside was given back when that ended.
func (d *Drop) makeRoomFor(up *upload, n int64) error {
	if err := d.promise(n); err != nil {
		return err
	}
	up.promised = n
	return up.o.part.Reserve(up.o.offset + n)
}

// fitsOngoing reports that content up to end belongs to an upload of whole bytes (-1 = not
// known); if not, the request was answered.
func (c *Conn) fitsOngoing(f resumeFields, whole, end int64) bool {
	o, up := c.up.o, c.up
	switch {
	case o.state.Done != nil && up.length != 0:
		c.problem(statusBadRequest, "inconsistent-upload-length", "the upload is complete, nothing can follow", incomplete)
	case o.state.Done != nil:
		c.problem(statusBadRequest, "completed-upload", "the upload is complete", incomplete)
	case f.offset != o.offset:
		c.mismatch(f.offset)
	case whole >= 0 && (end > whole || f.complete && up.length >= 0 && end != whole || f.length >= 0 && f.length != whole):
		c.problem(statusBadRequest, "inconsistent-upload-length", "the upload was to have another length", o.progress())
	case c.drop.limits.FileSizeMax > 0 && end > c.drop.limits.FileSizeMax:
		c.failBecause(statusTooLarge, "the file is too large: at most "+itoa(c.drop.limits.FileSizeMax)+" bytes are taken")
	default:
		return true
	}
	return false
}

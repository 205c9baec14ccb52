package drop

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/drop/digest"
	"relay/relay/drop/store"
	"relay/relay/drop/token"
	"relay/relay/flow"
	"relay/relay/sock"
)

// Resumable uploads, as draft-ietf-httpbis-resumable-upload has them in interop version 8:
//
//	PUT, POST /dir/name   Upload-Complete: ?0 | ?1 begins one; Upload-Length says how much
//	                      it will be. 104 tells its place (Location) at once to clients
//	                      that send Upload-Draft-Interop-Version: 8
//	HEAD    its place     Upload-Offset: bytes that are durable here
//	PATCH   its place     application/partial-upload, from Upload-Offset on
//	DELETE  its place     forgets it
//
// What the file is published with (time, mode, digests, conditions) may come with the
// request that begins the upload or with the one that completes it. A complete upload is
// told of until it expires, for who has missed the answer.

const (
	uploadsPath    = reserved + "uploads/"
	interopVersion = "8"
	idDigits       = 32
	// resumableFrom is the size, in bytes, below which a whole file is not worth a state:
	// sending it again costs less than asking how much of it came.
	resumableFrom = 1 << 20
	// checkpointEvery is how many bytes may be lost with the power.
	checkpointEvery = 256 << 20
)

// asksResumable reports that the request begins a resumable upload.
func (e *exchange) asksResumable() bool { return len(e.head.Header["Upload-Complete"]) > 0 }

// resumeFields are what a request of the protocol says.
type resumeFields struct {
	complete bool
	length   int64 // of the whole; -1 = not said
	offset   int64 // -1 = not said
}

func readResumeFields(h http.Header) (f resumeFields, ok bool) {
	f.length, f.offset = -1, -1
	switch h.Get("Upload-Complete") {
	case "?1":
		f.complete = true
	case "?0", "":
	default:
		return f, false
	}
	for name, to := range map[string]*int64{"Upload-Length": &f.length, "Upload-Offset": &f.offset} {
		list := h[name]
		if len(list) == 0 {
			continue
		}
		n, good := number(list[0])
		const most = 1 << 62
		if len(list) > 1 || !good || n > most {
			return f, false
		}
		*to = n
	}
	return f, true
}

// beginResumable goes on with a PUT or POST that put has let through.
func (c *Conn) beginResumable(up *upload) {
	f, ok := readResumeFields(c.request.head.Header)
	if f.complete {
		if f.length >= 0 && up.length >= 0 && f.length != up.length {
			c.problem(statusBadRequest, "inconsistent-upload-length", "Upload-Length is not the length of the content", "")
			return
		}
		f.length = max(f.length, up.length)
	}
	switch d := c.drop; {
	case !ok || f.offset > 0:
		c.failBecause(statusBadRequest, "Upload-Complete is ?0 or ?1, and Upload-Length a number of bytes")
		return
	case f.length >= 0 && up.length > f.length:
		c.problem(statusBadRequest, "inconsistent-upload-length", "the content is longer than Upload-Length", "")
		return
	case d.limits.FileSizeMax > 0 && f.length > d.limits.FileSizeMax:
		c.failBecause(statusTooLarge, "the file is too large: at most "+itoa(d.limits.FileSizeMax)+" bytes are taken")
		return
	}
	up.told104 = c.request.head.Header.Get("Upload-Draft-Interop-Version") == interopVersion
	up.resumable, up.completes = true, f.complete
	if f.complete && 0 <= up.length && up.length < resumableFrom {
		c.admit(up) // like any other
		return
	}
	o := &ongoing{id: newUploadID(), in: c.drop.registry, state: resumeState{
		Path: []byte(up.name.path), Length: f.length, Header: mergeFields(nil, c.request.head.Header),
		Expires: time.Now().Add(c.drop.limits.UploadExpiry),
	}}
	for _, a := range up.algorithms {
		o.state.Wanted = append(o.state.Wanted, a.String())
	}
	o.trail, up.trail = up.trail, nil
	o.held, o.owner = true, claim{conns: c.in, id: c.id}
	up.o, up.creates = o, true
	c.admit(up)
}

func newUploadID() string {
	var b [idDigits / 2]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// makeOngoing opens the file of a new upload and writes its state; on a worker.
func (d *Drop) makeOngoing(up *upload) error {
	o := up.o
	if !d.registry.add(o) {
		return unix.ENOBUFS
	}
	part, err := d.store.BeginNamed(up.name.path, o.id, max(o.state.Length, 0))
	if err != nil {
		d.registry.remove(o)
		return err
	}
	o.saving.Lock()
	defer o.saving.Unlock()
	o.part = part
	if err := o.save(d.store); err != nil {
		o.part = nil
		part.Abandon()
		o.forget(d.store)
		return err
	}
	return nil
}

// say104 tells the place of the upload, before anything of it came.
func (c *Conn) say104() bool {
	b := append([]byte("HTTP/1.1 104 Upload Resumption Supported\r\n"), c.uploadPlace(c.up.o)...)
	n, errno := sock.Send(c.end.FD, append(b, crlf...), false)
	if errno != 0 && errno != unix.EAGAIN || n > 0 && n < len(b)+len(crlf) {
		c.end.Err = errno
		c.finish(ClientReset)
		return false
	}
	return true
}

// uploadPlace are the fields that say where an upload goes on, and for how long.
func (c *Conn) uploadPlace(o *ongoing) []byte {
	return []byte("Upload-Draft-Interop-Version: " + interopVersion + "\r\nLocation: /" + uploadsPath + o.id + "\r\n" + c.uploadLimit(o.state.Expires))
}

func (c *Conn) uploadLimit(expires time.Time) string {
	limit := "Upload-Limit: max-age=" + itoa(max(int64(time.Until(expires)/time.Second), 0))
	if most := c.drop.limits.FileSizeMax; most > 0 {
		limit += ", max-size=" + itoa(most)
	}
	return limit + "\r\n"
}

// atUpload takes up a request to the place of an upload.
func (c *Conn) atUpload(id string) {
	if !c.drop.limits.Write {
		c.fail(statusNotFound)
		return
	}
	switch c.request.method {
	case http.MethodHead, http.MethodDelete:
	case http.MethodPatch:
		if status, why := c.refuseAppend(); status != 0 {
			c.failBecause(status, why)
			return
		}
	default:
		c.failText(statusMethod, "Allow: HEAD, PATCH, DELETE\r\n", "")
		return
	}
	var o *ongoing
	var err error
	c.toWorker(func() {
		o, err = c.drop.registry.find(c.drop.store, id)
	}, func() {
		switch {
		case c.state == leaving:
			c.close(c.leaving)
		case err != nil:
			c.uploadFailed(err)
		default:
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
	var err error
	s := c.drop.store
	remove := c.request.method == http.MethodDelete && c.request.grant.May(token.Write, string(o.state.Path))
	c.toWorker(func() {
		if remove && !o.gone {
			o.remove(s)
			return
		}
		err = o.open(s)
	}, func() { c.opened(o, err, remove) })
}

func (c *Conn) opened(o *ongoing, err error, removed bool) {
	up := &upload{o: o, name: name{path: string(o.state.Path)}, resumable: true}
	c.up = up
	c.drop.uploads.Add(1)
	switch {
	case c.state == leaving:
		c.close(c.leaving)
	case err != nil:
		c.uploadFailed(err)
	case !c.may(token.Write, up.name.path):
	case removed:
		c.abandon()
		c.succeed(statusNoContent)
	case c.request.method == http.MethodHead:
		c.tellOffset(o)
	default:
		c.append(up)
	}
}

// tellOffset answers HEAD.
func (c *Conn) tellOffset(o *ongoing) {
	b := append(c.start(statusNoContent), "Upload-Draft-Interop-Version: "+interopVersion+"\r\nCache-Control: no-store\r\n"...)
	b = append(b, c.uploadLimit(o.state.Expires)...)
	b = append(b, o.progress()...)
	c.abandon()
	b = append(b, crlf...)
	c.respond(b, len(b), 0)
}

// progress are the fields that say how far an upload is.
func (o *ongoing) progress() string {
	if d := o.state.Done; d != nil {
		return "Upload-Complete: ?1\r\nUpload-Offset: " + itoa(d.Size) + "\r\nUpload-Length: " + itoa(d.Size) + "\r\n"
	}
	text := "Upload-Complete: ?0\r\nUpload-Offset: " + itoa(o.offset) + "\r\n"
	if o.state.Length >= 0 {
		text += "Upload-Length: " + itoa(o.state.Length) + "\r\n"
	}
	return text
}

// refuseAppend judges the head of a PATCH.
func (c *Conn) refuseAppend() (status int, why string) {
	r := c.request.head
	f, ok := readResumeFields(r.Header)
	switch {
	case !strings.EqualFold(r.Header.Get("Content-Type"), "application/partial-upload"):
		return statusMediaType, "the Content-Type of what goes on with an upload is application/partial-upload"
	case !ok || f.offset < 0 || len(r.Header["Upload-Complete"]) == 0:
		return statusBadRequest, "Upload-Offset says where the content goes, and Upload-Complete (?0 or ?1) whether it is the last"
	case !c.sized():
		return statusLength, "say how long the content is (Content-Length)"
	case c.drop.full():
		return statusUnavailable, "too many files are arriving; try again later"
	}
	return 0, ""
}

// append takes the content of a PATCH.
func (c *Conn) append(up *upload) {
	o, r := up.o, c.request.head
	f, _ := readResumeFields(r.Header)
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
			up.most, up.mostErr = c.drop.room()
		}
	}
	switch {
	case o.state.Done != nil:
		c.problem(statusBadRequest, "completed-upload", "the upload is complete", o.progress())
		return
	case f.offset != o.offset:
		c.mismatch(f.offset)
		return
	case whole >= 0 && (end > whole || f.complete && up.length >= 0 && end != whole || f.length >= 0 && f.length != whole):
		c.problem(statusBadRequest, "inconsistent-upload-length", "the upload was to have another length", o.progress())
		return
	case c.drop.limits.FileSizeMax > 0 && end > c.drop.limits.FileSizeMax:
		c.failBecause(statusTooLarge, "the file is too large: at most "+itoa(c.drop.limits.FileSizeMax)+" bytes are taken")
		return
	}
	o.state.Length = whole
	if f.complete && up.length >= 0 {
		o.state.Length = end
	}
	header := mergeFields(o.state.Header, r.Header)
	if f.complete {
		fields, err := readUploadFields(header)
		if err != nil {
			c.failBecause(statusBadRequest, err.Error())
			return
		}
		up.fields, up.terms = fields, c.drop.terms(header)
		up.terms.Mtime, up.terms.Mode, up.terms.Via = fields.mtime, fields.mode, fields.via
		up.algorithms = fields.algorithms(c.drop.digest)
	}
	up.completes, up.continues = f.complete, c.expects100()
	c.admitted()
}

// mismatch answers a PATCH that does not go on where the upload is.
func (c *Conn) mismatch(given int64) {
	o := c.up.o
	c.failAs(statusConflict, o.progress(), "application/problem+json",
		`{"type":"https://iana.org/assignments/http-problem-types#mismatching-upload-offset","title":"the upload does not go on there","status":409,"expected-offset":`+
			itoa(o.offset)+`,"provided-offset":`+itoa(given)+"}\n")
}

// problem answers with one of the problem types of the draft.
func (c *Conn) problem(status int, kind, title, fields string) {
	c.failAs(status, fields, "application/problem+json",
		`{"type":"https://iana.org/assignments/http-problem-types#`+kind+`","title":"`+title+`","status":`+itoa(int64(status))+"}\n")
}

// pause ends a request that brought a part: it is made durable, and told.
func (c *Conn) pause() {
	o, creates := c.up.o, c.up.creates
	var err error
	s := c.drop.store
	c.toWorker(func() { err = o.suspend(s, true) }, func() {
		switch {
		case c.state == leaving:
			c.close(c.leaving)
		case err != nil:
			c.up.doomed = true
			c.uploadFailed(err)
		default:
			c.paused(o, creates)
		}
	})
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
	o, s, disk, l := up.o, c.drop.store, c.in.disk, c.in.loop
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

// advance notes how much of an upload there is, and has it made durable now and then.
func (up *upload) advance(c *Conn, target *flow.Target) {
	o := up.o
	before := o.offset
	o.offset, o.changed = target.Offset, true
	if o.offset/checkpointEvery > before/checkpointEvery {
		s, at, part := c.drop.store, o.offset, o.part
		c.in.disk.Do(c.in.loop, func() { o.checkpoint(s, part, at) }, nil)
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

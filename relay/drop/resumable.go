package drop

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"time"

	"golang.org/x/sys/unix"
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
func (e *exchange) asksResumable() bool { return readResumeFields(e.head.Header).asks }

// beginResumable goes on with a PUT or POST that put has let through.
func (c *Conn) beginResumable(up *upload) {
	f := readResumeFields(c.request.head.Header)
	if f.complete {
		if f.length >= 0 && up.length >= 0 && f.length != up.length {
			c.problem(statusBadRequest, "inconsistent-upload-length", "Upload-Length is not the length of the content", incomplete)
			return
		}
		f.length = max(f.length, up.length)
	}
	switch d := c.drop; {
	case f.offset > 0:
		c.failBecause(statusBadRequest, "an upload begins at 0, and goes on with PATCH at the place that is told then")
		return
	case f.length >= 0 && up.length > f.length:
		c.problem(statusBadRequest, "inconsistent-upload-length", "the content is longer than Upload-Length", incomplete)
		return
	case d.limits.FileSizeMax > 0 && f.length > d.limits.FileSizeMax:
		c.failBecause(statusTooLarge, "the file is too large: at most "+itoa(d.limits.FileSizeMax)+" bytes are taken")
		return
	}
	up.told104 = item(c.request.head.Header["Upload-Draft-Interop-Version"]) == interopVersion
	up.resumable, up.completes = true, f.complete
	if f.complete && 0 <= up.length && up.length < resumableFrom {
		c.admit(up) // like any other
		return
	}
	o := &ongoing{id: newUploadID(), in: c.drop.registry, state: resumeState{
		Path: []byte(up.name.path), Length: f.length, Header: mergeFields(nil, c.request.head.Header),
		Expires: time.Now().Add(c.drop.limits.UploadExpiry),
	}}
	if of := c.request.head.Header["Content-Digest"]; f.complete && len(of) > 0 { // its content is the file
		o.state.Header["Repr-Digest"] = append(slices.Clone(o.state.Header["Repr-Digest"]), of...)
	}
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
	if up.length != 0 {
		d.announceOngoing(o)
	}
	return nil
}

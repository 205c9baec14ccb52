package drop

import (
	"net/http"
	"strings"

	"relay/relay/drop/store"
	"relay/relay/drop/token"
)

// put takes up a request that brings a file. What can be refused without a look at the
// disk is refused here; admit, with a worker, does the rest.
func (c *Conn) put(n name) {
	if c.drop.limits.Write && !n.hidden() && !c.may(token.Write, n.path) {
		return
	}
	if status, why := c.refuseBody(n); status != 0 {
		c.failBecause(status, why)
		return
	}
	fields, err := readUploadFields(c.request.head.Header)
	if err != nil {
		c.failBecause(statusBadRequest, err.Error())
		return
	}
	up := c.drop.newUpload(n, fields, c.drop.terms(c.request.head.Header))
	up.length, up.continues = c.request.head.ContentLength, c.expects100()
	if c.request.asksResumable() {
		c.beginResumable(up)
		return
	}
	c.admit(up)
}

// newUpload is that of a file with these fields, under these terms and what the fields say.
func (d *Drop) newUpload(n name, f uploadFields, t store.Terms) *upload {
	up := &upload{name: n, terms: t, fields: f, algorithms: f.algorithms(d.digest)}
	up.terms.Mtime, up.terms.Mode, up.terms.Via, up.terms.ID = f.mtime, f.mode, f.via, f.id
	up.trail = newTrail(up.algorithms...)
	return up
}

// sized reports that the client said how long the body is.
func (c *Conn) sized() bool { return c.request.sized }

// full reports that no more files may arrive now.
func (d *Drop) full() bool {
	return d.limits.UploadsMax > 0 && d.uploads.Load() >= int64(d.limits.UploadsMax)
}

const (
	readOnly         = "nothing can be put here: the drop is read-only"
	ourNames         = "names that begin with " + reserved + " are the drop's own"
	otherExpectation = "100-continue is the only expectation that can be met"
)

// refuseBody judges the head of an upload: 0 lets it go on.
func (c *Conn) refuseBody(n name) (status int, why string) {
	r, d := c.request.head, c.drop
	if status, why := d.refuseFile(n, r.ContentLength); status != 0 {
		return status, why
	}
	switch {
	case len(r.Header["Content-Range"]) > 0:
		return statusUnsupported, "a part of a file cannot be put; send the whole, or a resumable upload"
	case !plainCoding(r.Header["Content-Encoding"]):
		return statusMediaType, "files are taken as they are, without a Content-Encoding"
	case !c.sized():
		return statusLength, "say how long the file is (Content-Length), or send it in chunks"
	case r.ProtoMinor > 0 && r.Header.Get("Expect") != "" && !c.expects100():
		return statusExpectation, otherExpectation
	case d.full():
		return statusUnavailable, "too many files are arriving; try again later"
	}
	return 0, ""
}

// refuseFile judges a name, and the length of the file that is to have it: 0 says that a file
// may be so.
func (d *Drop) refuseFile(n name, length int64) (status int, why string) {
	switch {
	case !d.limits.Write:
		return statusMethod, readOnly
	case n.slash:
		return statusConflict, "a file needs a name: the path ends in '/'"
	case n.hidden():
		return statusForbidden, ourNames
	case d.limits.FileSizeMax > 0 && length > d.limits.FileSizeMax:
		return statusTooLarge, "the file is too large: at most " + itoa(d.limits.FileSizeMax) + " bytes are taken"
	}
	return 0, ""
}

// plainCoding reports that a body is encoded in no way.
func plainCoding(fields []string) bool {
	for _, f := range fields {
		if f = strings.TrimSpace(f); f != "" && !strings.EqualFold(f, "identity") {
			return false
		}
	}
	return true
}

// expects100 reports that the client waits for a word before it sends the body. An
// HTTP/1.0 client cannot understand one.
func (c *Conn) expects100() bool {
	r := c.request.head
	return r.ProtoMinor > 0 && strings.EqualFold(r.Header.Get("Expect"), "100-continue")
}

// terms are what a file is published under: what the request says, or else the drop.
func (d *Drop) terms(h http.Header) store.Terms {
	return store.Terms{Conflict: d.conflict, Holds: conditions(h)}
}

// mayWrite evaluates the conditions of a request that changes a file, in the order of
// RFC 9110, 13.2.2.
func mayWrite(h http.Header, exists bool, v version) bool {
	if list := h["If-Match"]; len(list) > 0 {
		if !exists || !matches(list, v.tag, false) {
			return false
		}
	} else if at, ok := date(h, "If-Unmodified-Since"); ok && (!exists || v.modified > at) {
		return false
	}
	if list := h["If-None-Match"]; len(list) > 0 && exists && matches(list, v.tag, true) {
		return false
	}
	return true
}

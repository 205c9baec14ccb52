package drop

import (
	"golang.org/x/sys/unix"

	"relay/relay/flow"
	"relay/relay/sock"
)

// guard keeps what was dropped here from acting as a part of this site. A file that a
// browser shows runs no script, may not be framed into a form, and has an origin of its
// own; its type is what we say. Pictures, sound and a page's own styles still work.
const guard = "X-Content-Type-Options: nosniff\r\n" +
	"Content-Security-Policy: sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'self' 'unsafe-inline'\r\n"

// start begins the head of a response, in the loop's scratch space.
func (c *Conn) start(status int) []byte {
	c.request.status = status
	b := append(c.in.output[:0], lines[status]...)
	date, _ := c.in.date.at(c.in.loop.Now())
	b = append(b, date...)
	switch {
	case c.closing:
		b = append(b, "Connection: close\r\n"...)
	case c.request.head.ProtoMinor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return b
}

// serve answers with a file, a part of it, or what its conditions ask for.
func (c *Conn) serve(n name, f found) {
	c.file = flow.File{FD: f.fd, Way: c.drop.way, Away: f.away}
	c.size = f.size
	v := newVersion(f.size, f.sec, f.nsec)
	r := c.request.head
	switch status := precondition(r.Header, v); status {
	case statusNotModified:
		b := append(c.describe(c.start(status), v), crlf...)
		c.respond(b, len(b), 0)
		return
	case statusPrecondition:
		c.fail(status)
		return
	}
	s, status := span{0, f.size}, statusOK
	if !c.request.only() && rangeHolds(r.Header, v) { // a Range means something in a GET only
		switch p, want := byteRange(r.Header["Range"], f.size); want {
		case outside:
			c.failWith(statusRange, "Content-Range: bytes */"+itoa(f.size)+"\r\n")
			return
		case part:
			s, status = p, statusPart
		case whole:
		}
	}
	b := attributes(c.describe(c.start(status), v), r.Header, f)
	if f.digest != "" {
		b = append(append(append(b, "Repr-Digest: "...), f.digest...), crlf...)
	}
	b = append(b, "Accept-Ranges: bytes\r\nContent-Type: "...)
	b = append(b, contentType(n.base())...)
	b = append(b, "\r\n"+guard+"Content-Length: "...)
	b = appendInt(b, s.length)
	if status == statusPart {
		b = append(b, "\r\nContent-Range: bytes "...)
		b = append(appendInt(b, s.from), '-')
		b = append(appendInt(b, s.from+s.length-1), '/')
		b = appendInt(b, f.size)
	}
	b = append(b, "\r\n\r\n"...)
	c.file.Offset = s.from
	c.request.file = true
	if c.request.only() {
		s.length = 0
	}
	c.respond(b, len(b), s.length)
}

// describe writes what tells this version of a file from another. A file from the future
// is said to be of now (RFC 9110, 8.8.2.1).
func (c *Conn) describe(b []byte, v version) []byte {
	_, now := c.in.date.at(c.in.loop.Now())
	b = append(b, "Last-Modified: "...)
	b = appendTime(b, min(v.modified, now))
	b = append(b, "\r\nETag: "...)
	b = append(b, v.tag...)
	return append(b, "\r\n"...)
}

// redirect sends the client from "/name" to "/name/", so that the links of the listing
// lead somewhere. The path is ours, written anew: "//host" cannot come out. Who copies
// trees is told what the directory is to be like.
func (c *Conn) redirect(n name, f found) {
	c.failWith(statusMoved, "Location: /"+escape(n.path)+"/\r\n"+string(attributes(nil, c.request.head.Header, f)))
}

// refuse answers what is no request, and ends the connection.
func (c *Conn) refuse(status int) {
	c.closing, c.rude = true, true
	c.request.why = BadRequest
	c.fail(status)
}

// refuseLate answers a head that was not whole in time. What there is of it is taken from
// the socket, so that the connection can be closed at once: whoever is that slow on
// purpose is not waited for any longer.
func (c *Conn) refuseLate() {
	c.closing = true
	c.request.why = HeaderTimeout
	if _, errno := sock.Recv(c.end.FD, c.in.input); errno != 0 && errno != unix.EAGAIN {
		c.finish(ClientReset)
		return
	}
	c.fail(statusTimeout)
}

// fail answers with a short text instead of a file.
func (c *Conn) fail(status int) { c.failBecause(status, "") }

// failBecause is fail with a sentence for people.
func (c *Conn) failBecause(status int, why string) {
	switch {
	case status == statusMethod:
		c.failText(status, c.drop.allow(), why)
	case status == statusUnavailable:
		c.failText(status, "Retry-After: 1\r\n", why)
	case status == statusTooLarge && c.drop.limits.Write:
		c.failText(status, c.drop.uploadLimits(), why)
	default:
		c.failText(status, c.judged(), why)
	}
}

// judged says that the whole of a resumable upload was here, and that it is the file which
// is refused: going on with the upload would not help.
func (c *Conn) judged() string {
	if c.up != nil && c.up.resumable && c.up.whole {
		return complete
	}
	return ""
}

// failWith is fail with further header fields.
func (c *Conn) failWith(status int, fields string) { c.failText(status, fields, "") }

func (c *Conn) failText(status int, fields, why string) {
	text := texts[status]
	if why != "" {
		text = text[:len(text)-1] + ": " + why + "\n"
	}
	c.failAs(status, fields, plain, text)
}

// failAs answers with a body of any kind.
func (c *Conn) failAs(status int, fields, contentType, text string) {
	c.closeFile()
	c.abandon()
	b := append(c.start(status), fields...)
	b = append(append(b, "Content-Type: "...), contentType...)
	b = append(b, "\r\n"+guard+"Content-Length: "...)
	b = appendInt(b, int64(len(text)))
	b = append(b, "\r\n\r\n"...)
	head := len(b)
	if !c.request.only() {
		b = append(b, text...)
	}
	c.respond(b, head, 0)
}

package drop

import (
	"net/http"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// What requests and responses of resumable uploads say (resumable.go).

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

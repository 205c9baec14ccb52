package drop

import (
	"net/http"
	"strings"
	"time"
)

// What requests and responses of resumable uploads say (resumable.go).

// resumeFields are what a request of the protocol says. A field whose value is of another
// kind is as if it were not there.
type resumeFields struct {
	asks     bool // Upload-Complete is there
	complete bool
	length   int64 // of the whole; -1 = not said
	offset   int64 // -1 = not said
}

func readResumeFields(h http.Header) (f resumeFields) {
	switch item(h["Upload-Complete"]) {
	case "?1":
		f.asks, f.complete = true, true
	case "?0":
		f.asks = true
	}
	f.length, f.offset = integer(h["Upload-Length"]), integer(h["Upload-Offset"])
	return f
}

// item is the text of an Item Structured Field (RFC 9651, 3.3) without its parameters,
// which mean nothing here; "" = there is none, or more than one.
func item(lines []string) string {
	if len(lines) != 1 {
		return ""
	}
	value, _, _ := strings.Cut(lines[0], ";")
	return strings.Trim(value, " ")
}

// integer is the value of a field that is an Integer and not negative; -1 = there is none.
func integer(lines []string) int64 {
	const digits = 15
	text := item(lines)
	n, ok := number(text)
	if !ok || len(text) > digits {
		return -1
	}
	return n
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
	return c.interim(append(b, crlf...))
}

const (
	incomplete    = "Upload-Complete: ?0\r\n"
	complete      = "Upload-Complete: ?1\r\n"
	partialUpload = "application/partial-upload"
	acceptPatch   = "Accept-Patch: " + partialUpload + "\r\n"
)

// isPartial reports that a request says its content to be a part of an upload.
func isPartial(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), partialUpload)
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

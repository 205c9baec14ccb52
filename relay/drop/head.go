package drop

import (
	"bytes"
)

const (
	// headMost bounds a request's head, in bytes.
	headMost = 16 << 10
	// lineMost bounds its first line.
	lineMost = 8 << 10
	// emptyMost bounds the empty lines before it, which RFC 9112 (2.2) asks servers to
	// overlook.
	emptyMost = 4
)

// head is what finding the end of a request's head tells about it.
type head struct {
	size    int    // bytes, all of it; 0 = the end has not come yet
	skip    int    // bytes of empty lines before the request line
	version string // "1.0" or "1.1"
	hosts   int    // how many Host fields
	lengths int    // how many Content-Length fields
	codings int    // how many Transfer-Encoding fields
	length  bool   // a Content-Length that is not zero
}

// body reports that the client announced one.
func (h *head) body() bool { return h.length || h.codings > 0 }

// findHead looks for the end of the head that b begins with. It refuses (with a status
// that is not 0) what servers and proxies have been known to read in different ways,
// most of which http.ReadRequest lets through: a bare LF or CR, folded lines, a space
// before a colon, control characters, more than one space in the first line, another
// version than 1.0 and 1.1, two lengths, a length and a coding, two hosts or none.
//
// It judges every whole line at once, so that nonsense is not waited for.
func findHead(b []byte) (h head, status int) {
	at := 0
	for at < emptyMost*2 && bytes.HasPrefix(b[at:], crlf) {
		at += 2
	}
	h.skip = at
	line, rest, status := cutLine(b[at:], lineMost)
	if line == nil || status != 0 {
		if status == 0 {
			status = startStatus(b[at:])
		}
		return head{}, status
	}
	if !h.requestLine(line) {
		return head{}, statusBadRequest
	}
	for {
		line, rest, status = cutLine(rest, headMost)
		switch {
		case status != 0:
			return head{}, status
		case line == nil && len(b) >= headMost:
			return head{}, statusHeadTooLarge
		case line == nil:
			return head{}, 0
		case len(line) == 0:
			h.size = len(b) - len(rest)
			return h, h.judge()
		case !h.field(line):
			return head{}, statusBadRequest
		}
	}
}

var crlf = []byte("\r\n")

// cutLine splits b after its first line, of which it gives back the part before CRLF. A
// nil line is not whole yet.
func cutLine(b []byte, most int) (line, rest []byte, status int) {
	i := bytes.IndexByte(b, '\n')
	switch {
	case i > most || i < 0 && len(b) > most:
		return nil, b, statusURITooLong
	case i < 0:
		return nil, b, 0
	case i == 0 || b[i-1] != '\r':
		return nil, b, statusBadRequest
	}
	return b[: i-1 : i-1], b[i+1:], 0
}

// startStatus refuses a first line that cannot become a request: TLS to this port, say.
func startStatus(b []byte) int {
	for i, c := range b {
		if c == ' ' && i > 0 {
			break
		}
		if !isToken(c) && (c != '\r' || i > 0) {
			return statusBadRequest
		}
	}
	return 0
}

// requestLine checks: method, one space, target, one space, "HTTP/1.0" or "HTTP/1.1".
func (h *head) requestLine(line []byte) bool {
	method, rest, ok := bytes.Cut(line, space)
	if !ok || !isTokens(method) {
		return false
	}
	target, version, ok := bytes.Cut(rest, space)
	if !ok || len(target) == 0 {
		return false
	}
	for _, c := range target {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	switch string(version) {
	case "HTTP/1.1":
		h.version = "1.1"
	case "HTTP/1.0":
		h.version = "1.0"
	default:
		return false
	}
	return true
}

var space = []byte(" ")

// field checks one header field and counts those that must not come twice.
func (h *head) field(line []byte) bool {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isTokens(name) {
		return false
	}
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	value = bytes.Trim(value, " \t")
	switch {
	case is(name, "host"):
		h.hosts++
		return isHost(value)
	case is(name, "content-length"):
		h.lengths++
		h.length = len(bytes.Trim(value, "0")) > 0
		return isDigits(value)
	case is(name, "transfer-encoding"):
		h.codings++
	}
	return true
}

// judge says what is wrong with the fields together.
func (h *head) judge() int {
	switch {
	case h.lengths > 1, h.codings > 1, h.lengths > 0 && h.codings > 0:
		return statusBadRequest
	case h.codings > 0 && h.version == "1.0":
		return statusBadRequest
	case h.hosts > 1, h.hosts == 0 && h.version == "1.1":
		return statusBadRequest
	}
	return 0
}

// is compares a field's name with one in lower case.
func is(name []byte, lower string) bool {
	return len(name) == len(lower) && bytes.EqualFold(name, []byte(lower))
}

// isToken: RFC 9110, 5.6.2.
func isToken(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) >= 0
}

func isTokens(b []byte) bool {
	for _, c := range b {
		if !isToken(c) {
			return false
		}
	}
	return len(b) > 0
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return 0 < len(b) && len(b) <= 18 // within int64
}

// isHost allows what a host and a port are made of; empty is allowed.
func isHost(b []byte) bool {
	for _, c := range b {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case bytes.IndexByte([]byte("-._~:[]!$&'()*+,;=%"), c) >= 0:
		default:
			return false
		}
	}
	return true
}

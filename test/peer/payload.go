package peer

import (
	"bytes"
	"strconv"
	"strings"
)

// requests follows the bytes of a connection's requests, HTTP/1.1, and tells payload from
// what is around it: heads, the sizes of chunks, trailers.
type requests struct {
	state   requestState
	line    []byte // the part that has come of one
	left    int64  // bytes of the body or the chunk
	length  int64  // of the body
	chunked bool
}

type requestState uint8

const (
	inHead requestState = iota
	inBody
	atChunk    // where its size is
	afterChunk // where its line ends
	inTrailer
)

// payload are the parts of a piece of the connection that are content of requests.
func (r *requests) payload(b []byte) (parts [][]byte) {
	for len(b) > 0 {
		if r.state == inBody {
			n := min(r.left, int64(len(b)))
			parts = append(parts, b[:n])
			b = b[n:]
			if r.left -= n; r.left == 0 {
				r.state = inHead
				if r.chunked {
					r.state = afterChunk
				}
			}
			continue
		}
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			r.line = append(r.line, b...)
			return parts
		}
		line := strings.TrimSpace(string(r.line) + string(b[:end]))
		r.line, b = r.line[:0], b[end+1:]
		r.take(line)
	}
	return parts
}

// take goes on with a whole line.
func (r *requests) take(line string) {
	switch r.state {
	case inHead:
		r.field(line)
	case atChunk:
		digits, _, _ := strings.Cut(line, ";")
		r.left, _ = strconv.ParseInt(strings.TrimSpace(digits), 16, 64) // what nobody understands ends the body
		if r.state = inBody; r.left == 0 {
			r.state = inTrailer
		}
	case afterChunk:
		r.state = atChunk
	case inTrailer:
		if line == "" {
			r.state, r.chunked = inHead, false
		}
	case inBody:
		panic("peer: a line in a body")
	}
}

// field reads a line of a head; the empty one ends it.
func (r *requests) field(line string) {
	name, value, _ := strings.Cut(line, ":")
	switch value = strings.TrimSpace(value); {
	case line == "" && r.chunked:
		r.state = atChunk
	case line == "" && r.length > 0:
		r.state, r.left, r.length = inBody, r.length, 0
	case strings.EqualFold(name, "Content-Length"):
		r.length, _ = strconv.ParseInt(value, 10, 64)
	case strings.EqualFold(name, "Transfer-Encoding"):
		r.chunked = strings.EqualFold(value, "chunked")
	}
}

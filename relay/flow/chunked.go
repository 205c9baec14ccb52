package flow

import "errors"

// Chunks decodes a body in chunks (RFC 9112, 7.1) piece by piece, as it arrives. The
// standard library's reader would want a goroutine for each body, to wait in; this one
// only remembers where it is. The two are held against each other by a fuzz test. The
// zero value is ready.
//
// It is stricter than RFC 9112 asks: a bare LF ends no line, and chunk extensions and
// trailers, which are overlooked, are bounded.
type Chunks struct {
	state    chunkState
	left     uint64 // bytes of the chunk that have not come
	digits   int    // of its size
	overhead int    // bytes of extensions and trailers so far
	line     int    // bytes of the trailer line under way
	failed   bool   // for good
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkExtension
	chunkSizeLF
	chunkData
	chunkCR
	chunkLF
	trailer
	trailerLF
	chunksOver
)

// ErrChunks is a body that is not in chunks.
var ErrChunks = errors.New("malformed chunked encoding")

const (
	// overheadMost bounds the extensions and trailers of a body, in bytes: they are
	// nothing but work.
	overheadMost = 64 << 10
	digitsMost   = 15 // of a size: less than 2⁶⁰
	// endLeast is the length of what must follow the data of a chunk at least: its CRLF,
	// and then "0\r\n\r\n".
	endLeast = 7
)

// Over reports that the body has ended.
func (c *Chunks) Over() bool { return c.state == chunksOver }

// Want is how many bytes there are to come at least: whoever reads no more than that
// takes nothing of what follows the body.
func (c *Chunks) Want() int {
	const large = 1 << 30
	switch c.state {
	case chunkSize:
		return max(endLeast-2-c.digits, 4) // at the end the size is one digit, before CRLFCRLF
	case chunkExtension:
		return 4
	case chunkSizeLF:
		return 3
	case chunkData:
		return int(min(c.left, large)) + endLeast
	case chunkCR:
		return endLeast
	case chunkLF:
		return endLeast - 1
	case trailer:
		if c.line > 0 {
			return 4
		}
		return 2
	case trailerLF:
		return 1
	case chunksOver:
	}
	return 0
}

// Decode takes what came and moves the data in it to the front of p. It returns how much
// that is.
func (c *Chunks) Decode(p []byte) (n int, err error) {
	if c.failed {
		return 0, ErrChunks
	}
	for at := 0; at < len(p); {
		if c.state == chunkData {
			m := copy(p[n:], p[at:at+int(min(c.left, uint64(len(p)-at)))])
			n, at, c.left = n+m, at+m, c.left-uint64(m)
			if c.left == 0 {
				c.state = chunkCR
			}
			continue
		}
		if err := c.step(p[at]); err != nil {
			c.failed = true
			return n, err
		}
		at++
	}
	return n, nil
}

// step takes one byte between the chunks.
func (c *Chunks) step(b byte) error {
	switch c.state {
	case chunkSize:
		return c.size(b)
	case chunkExtension:
		if b == '\r' {
			c.state = chunkSizeLF
			return nil
		}
		return c.spend(b)
	case chunkSizeLF:
		c.state = chunkData
		if c.left == 0 {
			c.state, c.line = trailer, 0
		}
		c.digits = 0
		return only(b, '\n')
	case chunkCR:
		c.state = chunkLF
		return only(b, '\r')
	case chunkLF:
		c.state = chunkSize
		return only(b, '\n')
	case trailer:
		if b == '\r' {
			c.state = trailerLF
			return nil
		}
		c.line++
		return c.spend(b)
	case trailerLF:
		c.state = trailer
		if c.line == 0 {
			c.state = chunksOver
		}
		c.line = 0
		return only(b, '\n')
	case chunkData, chunksOver:
	}
	return ErrChunks
}

func (c *Chunks) size(b byte) error {
	var digit byte
	switch {
	case '0' <= b && b <= '9':
		digit = b - '0'
	case 'a' <= b && b <= 'f':
		digit = b - 'a' + 10
	case 'A' <= b && b <= 'F':
		digit = b - 'A' + 10
	case c.digits == 0:
		return ErrChunks
	case b == '\r':
		c.state = chunkSizeLF
		return nil
	case b == ';' || b == ' ' || b == '\t':
		c.state = chunkExtension
		return c.spend(b)
	default:
		return ErrChunks
	}
	if c.digits++; c.digits > digitsMost {
		return ErrChunks
	}
	if c.digits == 1 {
		c.left = 0
	}
	c.left = c.left<<4 | uint64(digit)
	return nil
}

// spend takes a byte that says nothing to us.
func (c *Chunks) spend(b byte) error {
	if c.overhead++; c.overhead > overheadMost || b == '\n' || b < ' ' && b != '\t' || b == 0x7f {
		return ErrChunks
	}
	return nil
}

func only(b, want byte) error {
	if b != want {
		return ErrChunks
	}
	return nil
}

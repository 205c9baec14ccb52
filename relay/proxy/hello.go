package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
)

// helloMost is how much of a client's first bytes is looked at. The longest ClientHello
// in use, with post-quantum keys and tickets, has a few KiB.
const helloMost = 16 << 10

// What a session keeps of a ClientHello, and tells the log and its backend, is bounded: a
// client that fills one with names must not fill our memory with them, or a PROXY header.
const (
	// nameMost is the longest name that fits into the DNS (RFC 1035, section 2.3.4).
	nameMost = 255
	// protocolsMost bounds the bytes of the protocols, as they are sent; clients offer
	// two or three, of ten bytes at most. Those behind it are overlooked.
	protocolsMost = 256
)

// hello is what routes want to know of a ClientHello. The zero value is that of a client
// that does not speak TLS.
type hello struct {
	serverName string
	protocols  []string
}

// verdict is what the first bytes of a client are.
type verdict uint8

const (
	partial  verdict = iota // they may become a ClientHello
	complete                // one is all there
	other                   // they are something else, or too much
)

// From RFC 8446, sections 4 and 5.1.
const (
	recordHead      = 5 // type, version, length
	recordMost      = 16 << 10
	recordHandshake = 22
	recordMajor     = 3
	messageHead     = 4 // type, length
	messageHello    = 1
)

// judge follows the records and the length of the first message in them, so that the
// parser proper is asked once, when all is there, however the bytes trickle in.
func judge(b []byte) verdict {
	var head [messageHead]byte
	have, need := 0, messageHead
	for len(b) > 0 {
		if b[0] != recordHandshake || len(b) > 1 && b[1] != recordMajor {
			return other
		}
		if len(b) < recordHead {
			return partial
		}
		n := int(b[3])<<8 | int(b[4])
		if n == 0 || n > recordMost {
			return other
		}
		part := b[recordHead:min(len(b), recordHead+n)]
		if have < messageHead {
			copy(head[have:], part)
		}
		have += len(part)
		if have > 0 && head[0] != messageHello {
			return other
		}
		if have >= messageHead {
			need = messageHead + (int(head[1])<<16 | int(head[2])<<8 | int(head[3]))
		}
		if have >= need && have >= messageHead {
			return complete
		}
		if need > helloMost || len(part) < n {
			break
		}
		b = b[recordHead+n:]
	}
	if need > helloMost {
		return other
	}
	return partial
}

// parseHello has the standard library read a ClientHello, as a server that leaves as
// soon as it has seen one. One that the library refuses asks for nothing.
func parseHello(b []byte) *hello {
	c := &replay{Reader: bytes.NewReader(b)}
	_ = tls.Server(c, onlyLook).HandshakeContext(context.Background()) // always ends in an error, errSeen at best
	return &c.hello
}

var errSeen = errors.New("seen")

var onlyLook = &tls.Config{
	GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
		info.Conn.(*replay).hello = newHello(info.ServerName, info.SupportedProtos)
		return nil, errSeen
	},
}

func newHello(name string, protocols []string) hello {
	if len(name) > nameMost {
		name = "" // it can be nobody's
	}
	room := protocolsMost
	for i, p := range protocols {
		if room -= 1 + len(p); room < 0 {
			protocols = slices.Clone(protocols[:i])
			break
		}
	}
	return hello{strings.ToLower(name), protocols}
}

// replay is a connection that has what was peeked, and a place for what is found in it.
type replay struct {
	net.Conn // none: a server that leaves after the hello only reads and writes
	io.Reader
	hello hello
}

func (r *replay) Read(p []byte) (int, error)  { return r.Reader.Read(p) }
func (r *replay) Write(p []byte) (int, error) { return len(p), nil }

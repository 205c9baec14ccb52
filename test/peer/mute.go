package peer

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// Mute is a network that loses answers: a proxy that cuts connections as soon as the
// server has answered, before a byte of the answer has passed.
type Mute struct {
	*Server

	target atomic.Pointer[string]
	prefix []byte
	lost   func(n int)
	mu     sync.Mutex
	left   int
	cut    int
}

// NewMute makes one that loses the first answer on so many connections, of those whose
// first request begins with prefix. lost, if it is not nil, is called before such a
// connection is cut.
func NewMute(target, prefix string, connections int, lost func(n int)) (*Mute, error) {
	m := &Mute{prefix: []byte(prefix), left: connections, lost: lost}
	m.target.Store(&target)
	var err error
	m.Server, err = Serve("127.0.0.1:0", m.pass)
	return m, err
}

// Target changes where connections go from now on.
func (m *Mute) Target(address string) { m.target.Store(&address) }

// Lost is how many answers were lost.
func (m *Mute) Lost() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cut
}

func (m *Mute) pass(c *Conn) {
	first := make([]byte, 32<<10)
	n, err := io.ReadAtLeast(c, first, len(m.prefix))
	if err != nil {
		return
	}
	to, err := net.Dial("tcp", *m.target.Load())
	if err != nil {
		return // nobody is there: the client finds its connection closed
	}
	defer to.Close()
	if _, err := to.Write(first[:n]); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(to, c) // its end shows on the other side
		_ = to.(*net.TCPConn).CloseWrite()
	})
	if bytes.HasPrefix(first, m.prefix) && m.loses() {
		_, _ = io.ReadFull(to, first[:1]) // the answer, or the end of who was to give it
		if m.lost != nil {
			m.lost(m.Lost())
		}
	} else {
		_, _ = io.Copy(c, to)
	}
	c.Close()
	both.Wait()
}

// loses takes one of the answers that are to be lost.
func (m *Mute) loses() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		return false
	}
	m.left--
	m.cut++
	return true
}

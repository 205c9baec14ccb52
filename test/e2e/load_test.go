//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// load is clients that come to an address on a machine, one every few milliseconds, until
// it is ended. Each is to hear a greeting to its end.
type load struct {
	came    atomic.Int64
	mu      sync.Mutex
	refused []error // they could not connect
	broken  []error // they did, and did not hear the greeting
	over    chan struct{}
	done    sync.WaitGroup
}

const (
	greeting  = "hello"
	loadEvery = 2 * time.Millisecond
)

// greeter is a backend on the machine that greets.
func (m *machine) greeter(t *testing.T, address string) {
	t.Helper()
	m.serve(t, address, func(c *peer.Conn) {
		_, _ = c.Write([]byte(greeting))
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	})
}

func (m *machine) serve(t *testing.T, address string, f func(*peer.Conn)) {
	t.Helper()
	var s *peer.Server
	err := m.net.Do(func() (err error) {
		s, err = peer.Serve(address, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
}

// backendOfPatience is a backend that greets and then waits for its client.
const backendOfPatience = "127.0.0.1:8001"

func (m *machine) patient(t *testing.T, address string) {
	t.Helper()
	m.serve(t, address, func(c *peer.Conn) {
		_, _ = c.Write([]byte(greeting))
		_, _ = io.Copy(io.Discard, c)
	})
}

// begun waits until a session is under way: its backend has greeted.
func (m *machine) begun(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(harness.Patience))
	text := make([]byte, len(greeting))
	if _, err := io.ReadFull(c, text); err != nil || string(text) != greeting {
		t.Fatalf("heard %q, %v", text, err)
	}
}

// dial connects to an address on the machine.
func (m *machine) dial(address string) (c net.Conn, err error) {
	err = m.net.Do(func() (err error) {
		c, err = net.Dial("tcp", address)
		return err
	})
	return c, err
}

// greet is what a client hears.
func (m *machine) greet(t *testing.T, address string) string {
	t.Helper()
	c, err := m.dial(address)
	if err != nil {
		t.Fatal(err)
	}
	text, err := hear(c)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func hear(c net.Conn) (string, error) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(harness.Patience))
	text, err := io.ReadAll(c)
	return string(text), err
}

// load begins one.
func (m *machine) load(t *testing.T, address string) *load {
	l := &load{over: make(chan struct{})}
	l.done.Go(func() {
		tick := time.NewTicker(loadEvery)
		defer tick.Stop()
		for {
			c, err := m.dial(address)
			l.came.Add(1)
			if err != nil {
				l.note(&l.refused, err)
			} else {
				l.done.Go(func() { l.hear(c) })
			}
			select {
			case <-tick.C:
			case <-l.over:
				return
			}
		}
	})
	t.Cleanup(func() { l.end() })
	return l
}

func (l *load) hear(c net.Conn) {
	if text, err := hear(c); err != nil || text != greeting {
		l.note(&l.broken, fmt.Errorf("heard %q, %w", text, err))
	}
}

func (l *load) note(in *[]error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*in = append(*in, err)
}

// more waits until so many more have come.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	until := l.came.Load() + n
	harness.Eventually(t, fmt.Sprint(n, " more clients"), func() (bool, any) { return l.came.Load() >= until, l.came.Load() })
}

// end waits for all to be served. It may be called again.
func (l *load) end() {
	select {
	case <-l.over:
	default:
		close(l.over)
	}
	l.done.Wait()
}

// wantAll ends it; nobody may have been refused, and nobody cut off but for so many.
func (l *load) wantAll(t *testing.T, cutOff int) {
	t.Helper()
	l.end()
	t.Logf("%d clients, %d refused, %d cut off", l.came.Load(), len(l.refused), len(l.broken))
	if len(l.refused) > 0 {
		t.Errorf("%d of %d clients were refused, the first: %v", len(l.refused), l.came.Load(), l.refused[0])
	}
	if len(l.broken) > cutOff {
		t.Errorf("%d of %d clients were cut off, the last: %v", len(l.broken), l.came.Load(), l.broken[len(l.broken)-1])
	}
}

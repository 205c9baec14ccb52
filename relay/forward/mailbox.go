package forward

import (
	"sync"

	"relay/relay/drop"
)

// mailbox takes what loops and workers tell, who wait for nobody.
type mailbox[T any] struct {
	mu    sync.Mutex
	all   []T
	ready chan struct{}
}

func (m *mailbox[T]) add(one T) {
	m.mu.Lock()
	m.all = append(m.all, one)
	m.mu.Unlock()
	select {
	case m.ready <- struct{}{}:
	default: // it is known already
	}
}

func (m *mailbox[T]) take() []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.all
	m.all = nil
	return all
}

// Arrived tells of a file that has been published in the drop, and is complete. It may be
// called from anywhere, and waits for nobody.
func (f *Forwarder) Arrived(path string) { f.mail.add(path) }

// Begun tells of a large file that begins to arrive in the drop. It may be called from
// anywhere, and waits for nobody.
func (f *Forwarder) Begun(a *drop.Arriving) { f.begun.add(a) }

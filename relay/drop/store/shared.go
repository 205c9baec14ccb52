package store

import (
	"sync"

	"relay/relay/sock"
)

// Shared is what all who serve a directory have in common, for each directory: a reload
// makes new drops and new stores, and what the old ones know of it the new ones must know,
// too. What a directory has is kept as long as the process lives; there are as many as its
// configurations have ever named.
type Shared[T any] struct {
	fresh func() *T
	mu    sync.Mutex
	all   map[sock.Identity]*T
}

// NewShared makes one; fresh makes what a directory begins with.
func NewShared[T any](fresh func() *T) *Shared[T] {
	return &Shared[T]{fresh: fresh, all: map[sock.Identity]*T{}}
}

// Of is what a directory has, of which dir is an open descriptor.
func (s *Shared[T]) Of(dir int) *T {
	id, errno := sock.Identify(dir)
	if errno != 0 {
		return s.fresh() // nobody can tell whose it is
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.all[id]
	if one == nil {
		one = s.fresh()
		s.all[id] = one
	}
	return one
}

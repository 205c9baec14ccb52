package listen

import (
	"sync/atomic"
	"time"
)

// sayAgainAfter keeps the log short when sessions come and go at the bound: a pause is
// reported when none was for so long.
const sayAgainAfter = 10 * time.Second

// shortage is what the log is told of accepting that pauses, once for all loops.
type shortage struct {
	said   atomic.Int64 // when a pause was last logged, in nanoseconds of loop.Clock
	active atomic.Bool  // a logged pause has not ended
}

// begin reports whether this pause is to be logged.
func (s *shortage) begin(now int64) bool {
	said := s.said.Load()
	if said != 0 && now-said < int64(sayAgainAfter) || !s.said.CompareAndSwap(said, now) {
		return false
	}
	s.active.Store(true)
	return true
}

// over reports whether the end of a pause is to be logged; it is called for every
// connection, and reads one word that hardly ever changes.
func (s *shortage) over() bool {
	return s.active.Load() && s.active.Swap(false)
}

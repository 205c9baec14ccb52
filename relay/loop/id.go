package loop

import "sync/atomic"

// idStride is the distance of the numbers that one loop gives out, so that those of
// another fit between them.
const idStride = 1024

var loops atomic.Uint64

// firstID makes a loop's numbers begin where neither another loop of this process nor an
// earlier process on this machine has given any: at the time in microseconds, since none
// gives out a million in a second.
func firstID() uint64 { return uint64(Clock()/1000)*idStride + loops.Add(1)%idStride }

// NewID is a number that no session on this machine has had since it was booted.
func (l *Loop) NewID() uint64 {
	l.id += idStride
	return l.id
}

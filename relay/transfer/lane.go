package transfer

import "context"

// lane is one connection of a run. It keeps several requests under way, whose answers come
// in their order (RFC 9112, 9.3.2): getLane fetches, putLane sends.
type lane interface {
	// fill sends requests until enough are under way. more is false at the end of all work.
	fill() (more bool, err error)
	// next takes the oldest answer.
	next() error
	// broken gives a connection up that failed, and waits until there may be another.
	broken(err error)
}

const (
	// windowMost is how many requests one connection has under way.
	windowMost = 32
	// windowBytes is how many bytes are moved or asked for ahead of the answers. A large
	// file is not followed by others, which another connection could move meanwhile.
	windowBytes = 1 << 20
	// triesMost is how many connections in a row may break over one file that they bring
	// no byte of.
	triesMost = 10
)

// drive works until nothing is left to do, or the run has ended.
func drive(ctx context.Context, l lane) {
	for ctx.Err() == nil {
		more, err := l.fill()
		if err == nil && !more {
			return
		}
		if err == nil {
			err = l.next()
		}
		if err != nil {
			l.broken(err)
		}
	}
}

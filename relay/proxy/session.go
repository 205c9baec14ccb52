package proxy

import (
	"net/netip"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/upstream"
)

// A session has two ends and two flows, and both are numbered alike: flow i reads end i
// and writes end 1-i.
const (
	client  = 0 // the client end, and the flow up
	backend = 1 // the backend end, and the flow down
)

// end is one of a session's two connections, with its name in the loop.
type end struct {
	flow.End
	token loop.Token
}

// Session is one client and the backend that serves it. Its memory is reused by a later
// session as soon as it is closed.
type Session struct {
	id       uint64
	in       *Sessions
	counts   *Tally
	listener *Listener
	target   *Target // once its route is known
	backend  *upstream.Backend
	pace     *pace     // nil = no rates
	who      *Identity // nil where nothing is known but the address
	ends     [2]end
	flows    [2]flow.Flow
	timer    loop.Timer

	client    netip.AddrPort // from accept or the PROXY header: the log needs it when the socket is gone
	accepted  int64          // when, as all times here, in nanoseconds of loop.Clock
	connected int64          // 0 = never
	active    int64          // when a byte last moved, or a FIN
	deadline  int64          // of a connect or a reset under way
	tried     []*upstream.Backend
	waiter    *upstream.Waiter // its place in the queue, while queued

	older, newer *Session // the sessions of this loop, for draining and listing

	reason    Reason // of a reset that waits for its bytes
	unsent    uint32 // how many those were when it last looked
	ahead     uint16 // bytes of the client that went with the first segment to the backend
	state     state
	uncounted bool    // its source is not known yet, and owes nothing
	done      [2]bool // the flow's end has been passed on
	inLine    [2]bool // the flow waits for its turn in the loop's queue
}

// open reports that the end has a descriptor.
func (e *end) open() bool { return e.FD >= 0 }

// setChunk bounds what one turn of either flow splices.
func (s *Session) setChunk(bytes int) {
	for i := range s.flows {
		s.flows[i].Chunk = bytes
	}
}

package handover

import (
	"fmt"

	"relay/relay/drop"
	"relay/relay/proxy"
)

// pack makes a batch of sessions, and the list of the descriptors that go with it.
func pack(sessions []proxy.Moved, conns []drop.Moved) (b Batch, fds []int) {
	number := func(fd int) int {
		fds = append(fds, fd)
		return len(fds) - 1
	}
	for i := range sessions {
		b.Sessions = append(b.Sessions, sessions[i].Record(number))
	}
	for i := range conns {
		b.Conns = append(b.Conns, conns[i].Record(number))
	}
	return b, fds
}

// numbers calls f for every descriptor that stands in the batch.
func (b *Batch) numbers(f func(n int)) {
	for i := range b.Sessions {
		r := &b.Sessions[i]
		for e := range r.Ends {
			if r.Ends[e].Open {
				f(r.Ends[e].FD)
			}
			if p := r.Flows[e].Pipe; p != nil {
				f(p.R)
				f(p.W)
			}
		}
	}
	for i := range b.Conns {
		f(b.Conns[i].FD)
	}
}

// check makes sure that the batch has each of its n descriptors once, and concerns
// nothing but what was said to be here.
func (b *Batch) check(n int, here *Ready) error {
	seen := make([]bool, n)
	left := n
	var err error
	b.numbers(func(i int) {
		if i < 0 || i >= n || seen[i] {
			err = fmt.Errorf("descriptor %d of %d", i, n)
			return
		}
		seen[i] = true
		left--
	})
	if err == nil && left != 0 {
		err = fmt.Errorf("%d descriptors that belong to nothing", left)
	}
	for i := range b.Sessions {
		if r := &b.Sessions[i]; err == nil && !here.Knows(r.Listener, r.Upstream) {
			err = fmt.Errorf("a session of listener %q to upstream %q", r.Listener, r.Upstream)
		}
	}
	for i := range b.Conns {
		if r := &b.Conns[i]; err == nil && !here.KnowsDrop(r.Drop) {
			err = fmt.Errorf("a connection to drop %q", r.Drop)
		}
	}
	return err
}

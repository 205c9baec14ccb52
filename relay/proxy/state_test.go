package proxy

import (
	"testing"

	"relay/relay/loop"
)

func TestTransitions(t *testing.T) {
	allowed := map[[2]state]bool{
		{closed, header}:         true, // taken, to be looked at first
		{closed, connecting}:     true, // taken
		{closed, relaying}:       true, // adopted
		{closed, resetting}:      true,
		{header, connecting}:     true,
		{header, closed}:         true,
		{connecting, connecting}: true, // the next backend
		{connecting, relaying}:   true,
		{connecting, queued}:     true, // all are full
		{queued, connecting}:     true,
		{queued, closed}:         true,
		{connecting, closed}:     true,
		{relaying, resetting}:    true,
		{relaying, closed}:       true,
		{resetting, closed}:      true,
	}
	for from := closed; from <= resetting; from++ {
		for to := closed; to <= resetting; to++ {
			s := Session{state: from}
			if panics := panicked(func() { s.setState(to) }); panics == allowed[[2]state{from, to}] {
				t.Errorf("from %d to %d: panicked %v", from, to, panics)
			} else if !panics && s.state != to {
				t.Errorf("from %d to %d: is %d", from, to, s.state)
			}
		}
	}
}

// Whatever happens to a closed session is a bug of ours, and loud.
func TestClosedSessionHearsNothing(t *testing.T) {
	s := Session{}
	if !panicked(func() { s.Ready(client, loop.In) }) {
		t.Error("an event of a closed session went unnoticed")
	}
	if !panicked(func() { s.Expire(0) }) {
		t.Error("a timer of a closed session went unnoticed")
	}
}

func panicked(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

// The memory of a session is reused by a later one; nothing of the earlier must shine
// through.
func TestMemoryIsReused(t *testing.T) {
	ss := NewSessions(nil, nil, logNothing, false)
	l := &Listener{ownChunk: 7}
	first := ss.open(l)
	first.state, first.inLine, first.done, first.accepted = relaying, [2]bool{true, true}, [2]bool{true, true}, 9
	first.ends[client].Err = 5
	ss.release(first)
	second := ss.open(l)
	second.setChunk(l.chunk(nil))
	if second != first {
		t.Fatal("the memory was not reused")
	}
	if s := second; s.state != closed || s.inLine[0] || s.done[0] || s.accepted != 0 || s.ends[client].Err != 0 || s.ends[client].open() {
		t.Errorf("a fresh session begins with %+v", s)
	}
	if f := second.flows[backend]; f.Chunk != 7 || f.Holds() || !f.CanFill() {
		t.Errorf("a fresh flow begins with %+v", f)
	}
}

// The list of sessions survives any order of ends.
func TestList(t *testing.T) {
	const n = 2*slab + 3
	ss := NewSessions(nil, nil, logNothing, false)
	all := make([]*Session, n)
	for i := range all {
		all[i] = ss.open(&Listener{})
	}
	for left, i := n, 0; left > 0; i = (i + 7) % n { // 7 and n have nothing in common
		if all[i] == nil {
			continue
		}
		ss.release(all[i])
		all[i] = nil
		left--
		count := 0
		for s := ss.newest; s != nil; s = s.older {
			if s.older != nil && s.older.newer != s {
				t.Fatal("the list does not lead back")
			}
			count++
		}
		if count != left || ss.Count() != left {
			t.Fatalf("%d on the list, %d counted, want %d", count, ss.Count(), left)
		}
	}
}

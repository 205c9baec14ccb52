package proxy

import (
	"golang.org/x/sys/unix"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// relay gives a turn to each flow that the event on end tag concerns: the one that
// writes it, if it holds bytes, and the one that reads it, if it can take any. Error and
// hang-up concern both: whoever acts next learns what it was.
func (s *Session) relay(tag uint8, ev loop.Events) {
	const bad = loop.Err | loop.Hup
	reads, writes := int(tag), 1-int(tag)
	acted, changed := false, false
	if ev&loop.Resume != 0 {
		s.inLine[reads] = false
		if f := &s.flows[reads]; f.Holds() || f.CanFill() {
			changed = s.step(reads)
		}
	}
	if ev&(loop.Out|bad) != 0 && s.flows[writes].Holds() {
		acted = true
		changed = s.turn(writes)
	}
	if s.state == relaying && ev&(loop.In|bad) != 0 && s.canFill(reads) {
		acted = true
		changed = s.turn(reads) || changed
	}
	if s.state == relaying && !acted && ev&bad != 0 {
		s.strand(reads)
		changed = true
	}
	if changed && s.state == relaying {
		s.ask()
	}
}

// turn runs a turn of flow i now if it is a short one. A long one waits until the other
// events of this round are dealt with: 64 fast streams must not hold up one keystroke.
func (s *Session) turn(i int) (changed bool) {
	if !s.flows[i].Streams() {
		return s.step(i)
	}
	if !s.inLine[i] {
		s.inLine[i] = true
		s.in.loop.Again(s.ends[i].token)
	}
	return false
}

// yieldFrom is how many bytes a turn must have moved for the loop to yield after it. Of
// answers of 1 MiB over 16 connections on two CPUs each cost 20 % less with it, of 64 KiB,
// if they counted, 15 % more; where nobody waits for the CPU it costs 0.3 µs.
const yieldFrom = 128 << 10

// step runs one turn of flow i and does what its outcome asks for. It reports whether
// the ends are to be watched for something else than before; most turns change nothing.
func (s *Session) step(i int) (changed bool) {
	f := &s.flows[i]
	moved, spliced, held := f.Moved, s.in.mover.Spliced, f.Holds()
	var status flow.Status
	if s.pace == nil {
		status = s.in.mover.Move(f, &s.ends[i].End, &s.ends[1-i].End)
	} else {
		status, changed = s.moveWithin(i)
	}
	if f.Moved != moved {
		s.active = s.in.loop.Now()
		s.moved(i, f.Moved-moved, s.in.mover.Spliced-spliced)
		if f.Moved-moved >= yieldFrom {
			s.in.loop.Yield()
		}
	}
	switch status {
	case flow.Moved, flow.Drained, flow.Blocked:
		return changed || f.Holds() != held
	case flow.Ended:
		s.passEnd(i)
	case flow.SourceFailed:
		s.passReset(i)
	case flow.SinkFailed:
		s.sinkFailed(i)
	case flow.Pending:
		panic("proxy: a disk job in a session of sockets")
	}
	return true
}

// ask tells epoll what each end is wanted for, if that has changed.
func (s *Session) ask() {
	for i := range s.ends {
		if errno := s.in.loop.Ask(s.ends[i].token, s.wanted(i)); errno != 0 {
			s.finishShort(errno)
			return
		}
	}
}

// wanted is what end i is to be watched for: to be read while its flow can take bytes,
// to be written while bytes are held for it.
func (s *Session) wanted(i int) loop.Events {
	var want loop.Events
	if s.canFill(i) {
		want |= loop.In
	}
	if s.flows[1-i].Holds() {
		want |= loop.Out
	}
	return want
}

// canFill reports that flow i would take bytes now: it holds none, and its rate allows
// more.
func (s *Session) canFill(i int) bool {
	return s.flows[i].CanFill() && (s.pace == nil || !s.pace[i].paused)
}

// passEnd passes a FIN on, now that every byte before it is delivered. The session is
// complete when both flows have ended; closing then says FIN by itself.
//
// An end with bytes held for it may have been reset all the same: a splice that had moved
// some bytes when it met the reset takes the error along and tells nobody.
func (s *Session) passEnd(i int) {
	if e := &s.ends[i]; s.flows[1-i].Holds() && e.Kind == flow.TCP && sock.Closed(e.FD) {
		e.Err = unix.ECONNRESET
		s.passReset(i)
		return
	}
	s.done[i] = true
	if s.done[1-i] {
		s.finish(Complete)
		return
	}
	if errno := sock.Shutdown(s.ends[1-i].FD, unix.SHUT_WR); errno != 0 {
		s.sinkFailed(i) // ENOTCONN: a reset has come in meanwhile
		return
	}
	s.active = s.in.loop.Now() // the other direction has all of its time from here on
	s.rearm()
}

// sinkFailed is told that nothing more reaches the sink of flow i, end 1-i. What that
// end had sent before may still be on its way to the other; once it is delivered, the
// flow that reads it finds the error and the session is reset.
func (s *Session) sinkFailed(i int) {
	s.in.mover.Discard(&s.flows[i])
	switch {
	case s.done[1-i]:
		s.passReset(1 - i)
	case s.flows[1-i].Over(): // its sink, end i, has failed before
		s.passReset(i)
	}
}

// strand handles an error or hang-up that no flow can act on: it is recorded, and the
// end leaves epoll, which would report it again and again. A hang-up without an error is
// no reason to end anything: it is the peer's FIN, once we have sent ours, or a unix peer
// that has closed, and what it sent before is still to be read.
func (s *Session) strand(i int) {
	e := &s.ends[i]
	if e.Err == 0 {
		e.Err = sock.TakeError(e.FD)
	}
	if s.done[i] && e.Err != 0 {
		s.passReset(i) // it will never take what is still to come from the other end
		return
	}
	s.in.loop.Park(e.token)
}

package bench

import (
	"fmt"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// relayLane passes a stream from the feeder to the sink, the way proxy.Session does
// with one of its directions.
type relayLane struct {
	run     *run
	from    int64
	length  int64
	flow    flow.Flow
	source  flow.End
	sink    flow.End
	reads   loop.Token
	writes  loop.Token
	queued  bool
	hearing bool
}

const (
	sourceTag = 0
	sinkTag   = 1
)

func (a *relayLane) open(r *run, from, length int64) error {
	a.run, a.from, a.length = r, from, length
	a.flow = flow.Flow{Remain: flow.Unlimited, Chunk: r.job.Chunk}
	a.source.FD, a.sink.FD = -1, -1
	var err error
	if a.sink.FD, err = greet(r.job.Sink, hello{Verify: r.job.Verify, From: from, Length: length}); err != nil {
		return err
	}
	if a.source.FD, err = dial(r.job.Feeder); err != nil {
		return err
	}
	var errno sock.Errno
	if a.reads, errno = r.loop.Register(a.source.FD, a, sourceTag, loop.In); errno != 0 {
		return errno
	}
	if a.writes, errno = r.loop.Register(a.sink.FD, a, sinkTag, 0); errno != 0 {
		return errno
	}
	return nil
}

// start has the feeder send.
func (a *relayLane) start() error { return askFor(a.source.FD, a.from, a.length) }

func askFor(feeder int, from, length int64) error {
	b := hello{From: from, Length: length}.marshal()
	if n, errno := sock.Send(feeder, b, false); n != len(b) {
		return fmt.Errorf("ask the feeder: %w", errno)
	}
	return nil
}

func (a *relayLane) Ready(tag uint8, ev loop.Events) {
	switch {
	case a.hearing && tag == sinkTag:
		if heard, err := a.run.hear(a.sink.FD, a.length); heard {
			a.run.calls.Add(1)
			a.close()
			a.run.finished(err)
		}
	case ev&loop.Resume != 0:
		a.queued = false
		a.step()
	case tag == sinkTag && a.flow.Holds(), tag == sourceTag && a.flow.CanFill():
		a.turn()
	default: // an end failed that no turn can ask
		e := [...]*flow.End{&a.source, &a.sink}[tag]
		a.run.finished(fmt.Errorf("a socket failed: %w", sock.TakeError(e.FD)))
	}
}

// turn puts a long turn off until the loop's other events are dealt with.
func (a *relayLane) turn() {
	if !a.flow.Streams() {
		a.step()
	} else if !a.queued {
		a.queued = true
		a.run.loop.Again(a.reads)
	}
}

func (a *relayLane) step() {
	switch a.run.mover.Move(&a.flow, &a.source, &a.sink) {
	case flow.Moved, flow.Drained, flow.Blocked:
		a.ask()
	case flow.Ended:
		a.hearing = true
		a.run.loop.Ask(a.reads, 0)
		a.run.loop.Ask(a.writes, loop.In)
		a.run.fin(a.sink.FD)
	case flow.SourceFailed:
		a.run.finished(fmt.Errorf("the source: %w", a.source.Err))
	default:
		a.run.finished(fmt.Errorf("the sink: %w", a.sink.Err))
	}
}

// ask tells epoll what each end is wanted for now.
func (a *relayLane) ask() {
	var reads, writes loop.Events
	if a.flow.CanFill() {
		reads = loop.In
	}
	if a.flow.Holds() {
		writes = loop.Out
	}
	a.run.loop.Ask(a.reads, reads)
	a.run.loop.Ask(a.writes, writes)
}

// verify has nothing to add: the sink has looked at every byte.
func (a *relayLane) verify() error { return nil }

func (a *relayLane) close() {
	if a.run == nil {
		return
	}
	a.run.mover.Discard(&a.flow)
	for _, end := range []struct {
		fd    *int
		token loop.Token
	}{{&a.source.FD, a.reads}, {&a.sink.FD, a.writes}} {
		if *end.fd >= 0 {
			a.run.loop.Forget(end.token)
			sock.Close(*end.fd)
			*end.fd = -1
		}
	}
}

package bench

import (
	"fmt"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// sendLane sends a range of the file, the way drop.Conn sends a response: the turn
// waits for the loop's other events, then the sender does it, and what comes next is
// the socket's to say.
type sendLane struct {
	run     *run
	length  int64
	flow    flow.Flow
	file    flow.File
	end     flow.End
	token   loop.Token
	queued  bool
	hearing bool // all is sent; the sink's verdict is awaited
}

func (a *sendLane) open(r *run, from, length int64) error {
	a.run, a.length = r, length
	a.flow = flow.Flow{Remain: length, Chunk: r.job.Chunk}
	a.file = flow.File{FD: int(r.place.file.Fd()), Offset: from, Way: r.method.way}
	if r.place.mem {
		a.file.InMemory()
	}
	var err error
	if a.end.FD, err = greet(r.job.Sink, hello{Verify: r.job.Verify, From: from, Length: length}); err != nil {
		a.end.FD = -1
		return err
	}
	token, errno := r.loop.Register(a.end.FD, a, 0, 0)
	if errno != 0 {
		return errno
	}
	a.token = token
	return nil
}

func (a *sendLane) start() error {
	a.queue()
	return nil
}

func (a *sendLane) queue() {
	if !a.queued {
		a.queued = true
		a.run.loop.Again(a.token)
	}
}

func (a *sendLane) Ready(_ uint8, ev loop.Events) {
	switch {
	case a.hearing:
		if heard, err := a.run.hear(a.end.FD, a.length); heard {
			a.run.calls.Add(1)
			a.close()
			a.run.finished(err)
		}
	case ev&loop.Resume != 0:
		a.queued = false
		a.send()
	default:
		a.queue()
	}
}

func (a *sendLane) send() {
	switch a.run.sender.Send(&a.flow, &a.file, &a.end, a) {
	case flow.Moved, flow.Blocked:
		a.run.loop.Ask(a.token, loop.Out)
	case flow.Pending:
		a.run.loop.Ask(a.token, 0)
	case flow.Ended:
		a.hearing = true
		a.run.fin(a.end.FD)
		a.run.loop.Ask(a.token, loop.In)
	case flow.SourceFailed:
		a.run.finished(fmt.Errorf("the file: %w", a.file.Err))
	default:
		a.run.finished(fmt.Errorf("the socket: %w", a.end.Err))
	}
}

// Returned is called when a worker has done a step because the disk had to be asked.
func (a *sendLane) Returned() {
	if a.end.FD >= 0 {
		a.send()
	}
}

// verify has nothing to add: the sink has looked at every byte.
func (a *sendLane) verify() error { return nil }

func (a *sendLane) close() {
	if a.end.FD < 0 || a.run == nil {
		return
	}
	a.run.mover.Discard(&a.flow)
	a.run.loop.Forget(a.token)
	sock.Close(a.end.FD)
	a.end.FD = -1
}

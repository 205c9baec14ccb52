package bench

import (
	"errors"
	"fmt"
	"os"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// receiveLane puts a stream from the feeder into a file, the way drop.Conn takes a body:
// the loop fills a pipe or a buffer, and a disk worker flushes it, since that may wait
// for a disk.
type receiveLane struct {
	run    *run
	from   int64
	length int64
	flow   flow.Flow
	end    flow.End
	target flow.Target
	file   *os.File
	token  loop.Token
	gone   bool // closed while a worker was busy
}

func (a *receiveLane) open(r *run, from, length int64) (err error) {
	a.run, a.from, a.length, a.end.FD = r, from, length, -1
	if a.file, err = unnamed(r.place.dir); err != nil {
		return err
	}
	a.flow = flow.Flow{Remain: length, Chunk: r.job.Chunk}
	a.target = flow.Target{FD: int(a.file.Fd())}
	if a.end.FD, err = dial(r.job.Feeder); err != nil {
		return err
	}
	token, errno := r.loop.Register(a.end.FD, a, 0, loop.In)
	if errno != 0 {
		return errno
	}
	a.token = token
	return nil
}

func (a *receiveLane) start() error { return askFor(a.end.FD, a.from, a.length) }

func (a *receiveLane) Ready(uint8, loop.Events) {
	if !a.target.Out() {
		a.receive()
	}
}

func (a *receiveLane) receive() {
	switch a.run.receiver.Receive(&a.flow, &a.end, &a.target, a) {
	case flow.Drained:
		a.run.loop.Ask(a.token, loop.In)
	case flow.Pending:
		a.run.loop.Ask(a.token, 0)
	case flow.Ended:
		a.run.loop.Ask(a.token, 0)
		a.run.finished(nil)
	case flow.SinkFailed:
		a.run.finished(fmt.Errorf("the file: %w", a.target.Err))
	default:
		a.run.finished(fmt.Errorf("the source: %w", a.sourceError()))
	}
}

func (a *receiveLane) sourceError() error {
	if a.end.Err != 0 {
		return a.end.Err
	}
	return errors.New("it ended before its last byte")
}

// Returned is called on the loop's thread when the worker is done.
func (a *receiveLane) Returned() {
	if a.gone {
		a.close()
		return
	}
	a.receive()
}

// verify compares what is in the file with what was sent.
func (a *receiveLane) verify() error {
	return checkFile(a.file, a.from, a.length, a.run.job.Verify)
}

// checkFile compares a received file with the pattern: all of it, or eight bytes of
// every MiB and its length.
func checkFile(f *os.File, from, length int64, all bool) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	v := verdict{Got: info.Size(), Wrong: -1}
	part, want := make([]byte, sampleEvery), make([]byte, sampleEvery)
	if !all {
		part = part[:sampleBytes]
	}
	for at := int64(0); at < v.Got && v.Wrong < 0; at += sampleEvery {
		n, _ := f.ReadAt(part, at)
		if i := differs(part[:n], want, from+at); i >= 0 {
			v.Wrong = from + at + int64(i)
		}
	}
	return v.check(length)
}

func (a *receiveLane) close() {
	if a.target.Out() {
		a.gone = true
		return
	}
	a.run.mover.Discard(&a.flow)
	if a.end.FD >= 0 {
		a.run.loop.Forget(a.token)
		sock.Close(a.end.FD)
		a.end.FD = -1
	}
	if a.file != nil {
		a.file.Close()
		a.file = nil
	}
}

package flow

import (
	"golang.org/x/sys/unix"

	"relay/relay/loop"
	"relay/relay/sock"
)

// Target is the sink of a flow that puts a stream into a file. The session owns the
// descriptor, but while a worker has a step, nothing of the flow may be closed or moved.
type Target struct {
	FD     int
	Offset int64      // where the next byte goes; all before it are in the file
	Err    sock.Errno // why the file failed
	// Chunks decodes a stream that comes in chunks, with a flow that is Unlimited and
	// ends where they do; nil = the stream is the content. What is malformed is the
	// source's error EPROTO.
	Chunks *Chunks
	// Most is how long the file may become, in bytes, and MostErr what it fails with
	// beyond; 0 = any length.
	Most    int64
	MostErr sock.Errno
	// Stored is called on the worker each time that it has put a pipe or a buffer full into
	// the file, with the offset up to which that is filled: what was written last is still
	// close to that processor. Early does not call it. nil = nobody asks.
	Stored func(upTo int64)
	out    bool // a worker has a step
	back   bool // and has done it
	step   intake
}

// Out reports that a disk worker owns the file, the pipe and the socket.
func (t *Target) Out() bool { return t.out }

// Receiver is the half of a Mover that fills files: what the flows into files of one
// loop share. It is not safe for concurrent use.
type Receiver struct {
	mover *Mover
	disk  *Disk
	loop  *loop.Loop
	calls storeCalls
}

// NewReceiver makes the receiver of one loop.
func NewReceiver(m *Mover, d *Disk, l *loop.Loop) *Receiver {
	return &Receiver{mover: m, disk: d, loop: l, calls: storeKernel}
}

// smallBody is the size, in bytes, up to which a body is copied: a pipe costs more.
const smallBody = 16 << 10

// Receive runs one turn: it takes what the socket has, and has a worker put it into the
// file. Pending says that the worker is at it (the socket is not to be watched
// meanwhile) and that w will hear of it; Drained that the socket has nothing; Ended that
// Remain bytes are in the file. SourceFailed without an error at the source is a stream
// that ended before its time.
func (r *Receiver) Receive(f *Flow, src *End, dst *Target, w Waiter) Status {
	if dst.out {
		return Pending
	}
	if dst.back {
		dst.back = false
		if st := r.settle(f, src, dst); st != Moved {
			return st
		}
	}
	if f.Remain == 0 {
		f.ended = true
		return Ended
	}
	a := r.intake(f, src, dst)
	r.calls.take(a)
	if dst.Chunks != nil && dst.Chunks.Over() && a.held == 0 {
		r.giveBack(f, a)
		f.Remain, f.ended = 0, true
		return Ended
	}
	if a.held == 0 && a.pipe != nil && refusesSplice(a.sourceErr) {
		f.unfit = a.sourceErr != unix.EAGAIN
		r.giveBack(f, a)
		a.buf = scratch.Get().(*[copyBuffer]byte)
		r.calls.take(a)
	}
	if a.held == 0 {
		r.giveBack(f, a)
		return r.source(f, src, a)
	}
	r.store(dst, w)
	return Pending
}

// Here reports that a body of size bytes is small and in the socket already, all of it, and
// whether there is more behind it: Early may take it.
func Here(src *End, size int64) (all, more bool) {
	n := int64(sock.Unread(src.FD))
	return size <= smallBody && n >= size, n > size
}

// Early is a first step ahead of Receive, for a worker that has the file anyway: a body of
// size bytes that is here goes into the file at once, and Receive, which is called in any
// case, finds that done. It reports whether the file has it all.
func (r *Receiver) Early(src *End, dst *Target, size int64) bool {
	calls, a := r.calls, &dst.step
	*a = intake{
		socket: src.FD, file: dst.FD, offset: dst.Offset, remain: size, chunk: smallBody,
		buf: scratch.Get().(*[copyBuffer]byte),
	}
	dst.back = true
	calls.run(a)
	return a.fileErr == 0 && a.remain == 0
}

// refusesSplice reports an errno after which a recv is tried in the same turn: splice
// knows this socket not at all, or says EAGAIN for ever because of urgent data
// (MSG_OOB), while epoll reports the socket readable.
func refusesSplice(errno sock.Errno) bool {
	return errno == unix.EAGAIN || errno == unix.EINVAL || errno == unix.ENOSYS
}

// intake plans a step: through a pipe, unless little is to come or none can be had.
func (r *Receiver) intake(f *Flow, src *End, dst *Target) *intake {
	dst.step = intake{
		socket: src.FD, file: dst.FD, offset: dst.Offset, remain: f.Remain, chunk: f.Chunk,
		unfit: f.unfit, chunks: dst.Chunks, most: dst.Most, mostErr: dst.MostErr,
		onStored: dst.Stored,
	}
	a := &dst.step
	if a.chunks == nil && !f.unfit && f.Remain > smallBody && r.mover.Mode != Never {
		f.pipe = r.mover.Pool.Get()
		a.pipe = f.pipe
	}
	if a.pipe == nil {
		a.buf = scratch.Get().(*[copyBuffer]byte)
	}
	return a
}

func (r *Receiver) giveBack(f *Flow, a *intake) {
	r.mover.release(f)
	a.pipe = nil
	if a.buf != nil {
		scratch.Put(a.buf)
		a.buf = nil
	}
}

// store has a worker put what was taken into the file. It goes on taking while the
// socket has more: a stream at full speed costs one exchange with the loop for each
// intakeMost bytes, not one for each pipe.
func (r *Receiver) store(dst *Target, w Waiter) {
	dst.out = true
	calls := r.calls
	a := &dst.step
	r.disk.Do(r.loop, func() { calls.run(a) }, func() {
		dst.out, dst.back = false, true
		w.Returned()
	})
}

// settle accounts for what a worker has done.
func (r *Receiver) settle(f *Flow, src *End, dst *Target) Status {
	a := &dst.step
	dst.Offset += a.stored
	f.took(int(a.stored))
	f.Moved += uint64(a.stored)
	f.unfit = a.unfit
	if a.chunks != nil && a.chunks.Over() {
		f.Remain = 0
	}
	if a.pipe != nil {
		r.mover.Spliced += uint64(a.stored)
	} else {
		r.mover.Copied += uint64(a.stored)
	}
	r.giveBack(f, a)
	if a.fileErr != 0 {
		dst.Err = a.fileErr
		f.ended = true
		return SinkFailed
	}
	if a.dry && f.Remain > 0 {
		return r.source(f, src, a)
	}
	return Moved
}

// source sorts a step for which the socket had nothing (more).
func (r *Receiver) source(f *Flow, src *End, a *intake) Status {
	if a.sourceErr == unix.EAGAIN {
		return Drained
	}
	if a.sourceErr != 0 {
		src.fail(a.sourceErr)
	}
	f.ended = true
	return SourceFailed
}

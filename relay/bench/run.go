package bench

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"relay/pipepool"
	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// Case is what one measurement is of.
type Case struct {
	Method  string
	Bytes   int64 // of all streams together
	Chunk   int
	Streams int
}

// job is a case and where its peers are.
type job struct {
	Case
	Verify       bool
	Sink, Feeder netip.AddrPort
}

const (
	// pipeBytes is what a pipe is asked for, unless the chunk is larger: the default of
	// pipe_size.
	pipeBytes = 1 << 20
	// copyBytes is the buffer of a mover that does not copy: the default of copy_chunk.
	copyBytes = 16 << 10
	// warmBytes pass before anything is timed, so that buffers and pipes exist.
	warmBytes = 1 << 20
	// slowest is the rate, in bytes a second, below which a run has stalled.
	slowest = 4 << 20
)

// run is one measurement on a loop of its own. Its fields are the loop's thread's.
type run struct {
	job      job
	method   Method
	place    place
	loop     *loop.Loop
	pool     *pipepool.Pool
	mover    *flow.Mover
	sender   *flow.Sender
	receiver *flow.Receiver
	disk     *flow.Disk
	calls    atomic.Uint64 // but for those that the loop counts
	lanes    []lane
	open     int    // lanes that have not finished
	next     func() // what follows when all have
	stall    loop.Timer
	used     Usage
	before   Usage
	copied   uint64
	ended    bool
	err      error
}

// place is what a worker was given: the file to send and where to put received ones.
type place struct {
	file *os.File
	dir  string
	mem  bool // the file has no disk behind it
}

// lane is one stream on its way. open connects it, start gives it its first turn, and
// it tells run.finished. verify looks at what no sink has seen, close gives all up.
type lane interface {
	open(r *run, from, length int64) error
	start() error
	verify() error
	close()
}

// measure runs a case: once for a little, to warm up, then as it is.
func measure(j job, p place) (Usage, error) {
	m, ok := MethodOf(j.Method)
	if !ok || j.Streams < 1 || j.Chunk < 1 || j.Bytes < 0 {
		return Usage{}, fmt.Errorf("not a case: %+v", j.Case)
	}
	if m.Bare {
		return measureBare(j, m, p)
	}
	r, err := newRun(j, m, p)
	if err != nil {
		return Usage{}, err
	}
	r.loop.Post(func() {
		r.phase(min(j.Bytes, warmBytes*int64(j.Streams)), func() {
			r.phase(j.Bytes, func() { r.end(nil) })
		})
	})
	err = r.loop.Run()
	r.disk.Close()
	return r.used, errors.Join(err, r.err)
}

func newRun(j job, m Method, p place) (*run, error) {
	l, err := loop.New()
	if err != nil {
		return nil, err
	}
	size := max(pipeBytes, j.Chunk)
	r := &run{job: j, method: m, place: p, loop: l, disk: flow.NewDisk(1)}
	r.pool = pipepool.New(pipepool.NewBudget(int64(size)*int64(j.Streams+1)*2), size, loop.Clock)
	buffer := copyBytes
	if m.mode == flow.Never {
		buffer = j.Chunk
	}
	r.mover = flow.NewMover(m.mode, r.pool, buffer)
	r.mover.CountCalls(&r.calls)
	r.sender = flow.NewSender(r.mover, r.disk, l)
	r.sender.CountCalls(&r.calls)
	r.receiver = flow.NewReceiver(r.mover, r.disk, l)
	r.receiver.CountCalls(&r.calls)
	return r, nil
}

// phase sends this many bytes over all lanes and then goes on with next.
func (r *run) phase(bytes int64, next func()) {
	r.next = next
	r.lanes, r.open = nil, r.job.Streams
	for i := range r.job.Streams {
		from, length := share(bytes, i, r.job.Streams)
		a := r.lane()
		r.lanes = append(r.lanes, a)
		if err := a.open(r, from, length); err != nil {
			r.end(err)
			return
		}
	}
	limit := patience + time.Duration(bytes/slowest)*time.Second
	r.loop.SetTimer(&r.stall, r, loop.Clock()+int64(limit))
	r.copied = r.mover.Copied
	r.before = r.reading()
	for _, a := range r.lanes {
		if err := a.start(); err != nil {
			r.end(err)
			return
		}
	}
}

func (r *run) lane() lane {
	switch r.method.Path {
	case FileToSocket:
		return &sendLane{}
	case SocketToSocket:
		return &relayLane{}
	}
	return &receiveLane{}
}

// share is the part of stream i of n: of whole pages, but for the last.
func share(bytes int64, i, n int) (from, length int64) {
	const page = 4096
	each := bytes / int64(n) &^ (page - 1)
	from = each * int64(i)
	if i == n-1 {
		return from, bytes - from
	}
	return from, each
}

func (r *run) reading() Usage {
	u := readUsage()
	u.Calls = int64(r.calls.Load() + r.loop.Calls())
	return u
}

// finished is told by a lane that its bytes have arrived, every one, or what went wrong.
func (r *run) finished(err error) {
	if err != nil {
		r.end(err)
		return
	}
	if r.open--; r.open > 0 || r.ended {
		return
	}
	r.used = r.reading().since(r.before)
	err = r.honest()
	for _, a := range r.lanes {
		err = errors.Join(err, a.verify())
	}
	if err != nil {
		r.end(err)
		return
	}
	r.closeLanes()
	r.next()
}

// honest is the error of a method that did not do what it is called: the product copies
// where the kernel refuses a splice, and a measurement of that must not pass for one.
func (r *run) honest() error {
	copied := int64(r.mover.Copied - r.copied)
	byReference := r.method.way == flow.BySplice || r.method.way == flow.BySendfile
	if r.method.Path != FileToSocket {
		byReference = r.method.mode == flow.Always
	}
	if byReference && copied > r.job.Bytes/10+warmBytes {
		return fmt.Errorf("%d of %d bytes were copied: the kernel refuses this way, or pipes for it (`relay doctor` says why)", copied, r.job.Bytes)
	}
	return nil
}

// Expire is called when a phase takes unreasonably long.
func (r *run) Expire(int64) { r.end(errors.New("stalled: nothing moves")) }

// end stops the loop; the first error stays.
func (r *run) end(err error) {
	if r.ended {
		return
	}
	r.ended, r.err = true, err
	r.closeLanes()
	r.loop.StopTimer(&r.stall)
	r.pool.Close()
	r.loop.Stop()
}

func (r *run) closeLanes() {
	for _, a := range r.lanes {
		a.close()
	}
	r.lanes = nil
}

// hear reads the sink's verdict on length bytes; false says that it is not there yet.
func (r *run) hear(fd int, length int64) (bool, error) {
	var b [verdictBytes]byte
	r.calls.Add(1)
	n, errno := sock.Recv(fd, b[:])
	if errno == unix.EAGAIN {
		return false, nil
	}
	if errno != 0 {
		return true, fmt.Errorf("the sink's verdict: %w", errno)
	}
	v, err := parseVerdict(b[:n])
	if err == nil {
		err = v.check(length)
	}
	return true, err
}

// fin ends the stream that goes out.
func (r *run) fin(fd int) {
	r.calls.Add(1)
	sock.Shutdown(fd, unix.SHUT_WR)
}

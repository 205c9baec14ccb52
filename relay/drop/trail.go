package drop

import (
	"hash"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"relay/relay/drop/digest"
	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// trail computes the digests of a file that arrives. It reads what is in the file, from
// the page cache just behind the bytes that were put there, so that the digest is of what
// really arrived; only the tail is left to read when the last byte has come.
//
// Who reads is a matter of what costs more. Of a body, a digest at the speed of memory is
// computed by the worker that has just put the bytes there: another processor would have to
// fetch them first. The others are slower than the bytes come, and have workers of their own,
// as have copies, and whoever is far behind.
type trail struct {
	by   []digest.Algorithm
	mark atomic.Int64 // bytes that are in the file
	at   atomic.Int64 // bytes that were read; whoever reads moves it
	out  atomic.Bool  // a worker of ours reads, or is about to
	over atomic.Bool  // the file is not to be touched any more
	mu   sync.Mutex   // held by whoever reads; guards what follows
	to   []hash.Hash
	err  error
}

const (
	trailBytes = 256 << 10 // of a read: they fit the second-level cache of most processors
	trailFrom  = 1 << 20   // bytes that are worth another job
	// trailClose is how far behind the reader may be for the worker that fills the file to
	// read as well, in bytes. More is to be read where an upload goes on after a restart,
	// and the socket cannot wait for that.
	trailClose = 8 << 20
)

var trailBuffers = sync.Pool{New: func() any { return new([trailBytes]byte) }}

// newTrail computes these digests, each once; nil computes none.
func newTrail(by ...digest.Algorithm) *trail {
	t := &trail{}
	for _, a := range by {
		if a != digest.None && !slices.Contains(t.by, a) {
			t.by = append(t.by, a)
			t.to = append(t.to, a.New())
		}
	}
	if t.by == nil {
		return nil
	}
	return t
}

// beside is what the worker that fills the file calls as it goes; nil = it has nothing to do
// with the digests.
func (t *trail) beside(file int) func(mark int64) {
	if t == nil || slices.ContainsFunc(t.by, func(a digest.Algorithm) bool { return !a.Quick() }) {
		return nil
	}
	return func(mark int64) {
		if mark-t.at.Load() > trailClose || !t.mu.TryLock() {
			return
		}
		defer t.mu.Unlock()
		t.readTo(file, mark)
	}
}

// follow says how much of the file is there, and has it read when that is worth it.
func (t *trail) follow(d *flow.Disk, l *loop.Loop, file int, mark int64) {
	if t == nil {
		return
	}
	t.mark.Store(mark)
	if mark-t.at.Load() >= trailFrom && !t.over.Load() && !t.out.Swap(true) {
		d.Do(l, func() { t.catchUp(file) }, nil)
	}
}

// catchUp reads until the mark. Whoever moves the mark after the last look finds out
// cleared and asks again.
func (t *trail) catchUp(file int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		t.readTo(file, t.mark.Load())
		t.out.Store(false)
		if t.over.Load() || t.at.Load() >= t.mark.Load() || t.out.Swap(true) {
			return
		}
	}
}

// readTo reads up to a place, with mu held.
func (t *trail) readTo(file int, to int64) {
	for t.at.Load() < to && !t.over.Load() {
		t.read(file, to)
	}
}

// read takes a piece; a file that ends too early ends the trail.
func (t *trail) read(file int, to int64) {
	buf := trailBuffers.Get().(*[trailBytes]byte)
	defer trailBuffers.Put(buf)
	n, errno := sock.ReadAt(file, buf[:min(to-t.at.Load(), trailBytes)], t.at.Load())
	if n == 0 {
		t.err = io.ErrUnexpectedEOF
		if errno != 0 {
			t.err = errno
		}
		t.over.Store(true)
		return
	}
	for _, h := range t.to {
		h.Write(buf[:n])
	}
	t.at.Add(int64(n))
}

// end reads what is left of a file of this size and gives the digests. Nobody reads the
// file after it.
func (t *trail) end(file int, size int64) ([]digest.Sum, error) {
	if t == nil {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readTo(file, size)
	t.over.Store(true)
	if t.at.Load() > size {
		t.err = errLength // the digest would be of bytes that are not in the file
	}
	if t.err != nil {
		return nil, t.err
	}
	sums := make([]digest.Sum, len(t.by))
	for i, a := range t.by {
		sums[i] = digest.Sum{By: a, Value: t.to[i].Sum(nil)}
	}
	return sums, nil
}

// stop waits until nobody reads the file, and keeps it so.
func (t *trail) stop() {
	if t == nil {
		return
	}
	t.over.Store(true)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.to = nil
}

// handOver ends the trail at a file that is about to be closed. The trail that it gives
// goes on where this one was, when the file is open again.
func (t *trail) handOver() *trail {
	if t == nil {
		return nil
	}
	t.over.Store(true)
	t.mu.Lock()
	defer t.mu.Unlock()
	next := &trail{by: t.by, to: t.to, err: t.err}
	next.at.Store(t.at.Load())
	next.mark.Store(t.at.Load())
	t.to = nil
	return next
}

// computes reports that these digests are among those of the trail.
func (t *trail) computes(all []digest.Algorithm) bool {
	for _, a := range all {
		if a != digest.None && !slices.Contains(t.by, a) {
			return false
		}
	}
	return true
}

// names are those of its digests.
func (t *trail) names() (all []string) {
	if t == nil {
		return nil
	}
	for _, a := range t.by {
		all = append(all, a.String())
	}
	return all
}

// agree compares what a sender said with what arrived.
func agree(said, got []digest.Sum) bool {
	for _, s := range said {
		if !slices.ContainsFunc(got, s.Equal) {
			return false
		}
	}
	return true
}

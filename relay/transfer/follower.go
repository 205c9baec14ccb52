package transfer

import (
	"hash"
	"io"
	"sync"
	"sync/atomic"
)

// follower computes a digest beside a transfer, from the page cache. Of a file that is
// fetched it reads just behind the bytes that came, so that only their tail is left to
// read when the last one has. Of a file that is sent it reads just ahead: memory is slower
// than all else that is done here, and who touches the bytes next (the receiver, should it
// be on this machine; a network card that is fed from the cache) finds them close by.
type follower struct {
	by   Digest
	file io.ReaderAt
	mark atomic.Int64 // bytes that are there, and may be read; one goroutine moves it
	out  atomic.Bool  // somebody reads up to the mark, or is about to
	over atomic.Bool  // nothing more is to be read
	mu   sync.Mutex   // held by whoever reads; guards what follows
	hash hash.Hash
	buf  []byte
	read int64
	err  error
}

const (
	followBytes = 256 << 10 // of a read: they fit the second-level cache of most processors
	followFrom  = 1 << 20   // bytes that are worth waking somebody who reads them
)

// follow begins at the start of a file.
func follow(f io.ReaderAt, by Digest) *follower {
	return &follower{by: by, file: f, hash: by.New(), buf: make([]byte, followBytes)}
}

// reach says how many bytes are there, and has them read when they are many. They are read
// meanwhile.
func (w *follower) reach(n int64) {
	before := w.mark.Load()
	if n <= before {
		return
	}
	w.mark.Store(n)
	if n/followFrom > before/followFrom && !w.out.Swap(true) {
		go w.catchUp()
	}
}

// catchUp reads up to the mark. Whoever moves the mark after the last look finds out cleared
// and asks again.
func (w *follower) catchUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		w.readTo(w.mark.Load())
		w.out.Store(false)
		if w.over.Load() || w.read >= w.mark.Load() || w.out.Swap(true) {
			return
		}
	}
}

// lead reads up to a place that is to be sent next. The caller does it itself: to hand it
// to another thread and wait costs more than is won. A follower that is further behind,
// because an upload goes on where it was broken off, is left to catch up.
func (w *follower) lead(from, to int64) {
	if !w.mu.TryLock() {
		return
	}
	defer w.mu.Unlock()
	if from-w.read <= followFrom {
		w.readTo(to)
		w.mark.Store(to)
	}
}

// readTo takes piece after piece; a file that ends too early ends the follower.
func (w *follower) readTo(to int64) {
	for w.read < to && !w.over.Load() {
		n, err := w.file.ReadAt(w.buf[:min(to-w.read, followBytes)], w.read)
		if n == 0 {
			w.err = err
			w.over.Store(true)
			return
		}
		w.hash.Write(w.buf[:n])
		w.read += int64(n)
	}
}

// end reads what is left up to the mark, and gives the digest.
func (w *follower) end() (sum, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readTo(w.mark.Load())
	w.over.Store(true)
	if w.err != nil {
		return sum{}, w.err
	}
	return sum{By: w.by, Value: w.hash.Sum(nil)}, nil
}

// stop is the end of a follower whose digest nobody wants. The file is not read any more
// when it returns.
func (w *follower) stop() {
	w.over.Store(true)
	w.mu.Lock()
	defer w.mu.Unlock()
}

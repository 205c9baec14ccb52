package transfer

import (
	"io"
	"sync"
)

// follower computes a digest beside a transfer, from the page cache. Of a file that is
// fetched it reads just behind the bytes that came, so that only their tail is left to
// read when the last one has. Of a file that is sent it reads just ahead: memory is slower
// than all else that is done here, and who touches the bytes next (the receiver, should it
// be on this machine; a network card that is fed from the cache) finds them close by.
type follower struct {
	mu      sync.Mutex
	changed *sync.Cond
	mark    int64 // bytes that are there, or were sent
	ahead   int64 // how far beyond the mark it may read,
	size    int64 // but not beyond this
	read    int64
	over    bool // the mark is the end
	done    chan struct{}
	sum     sum
	err     error
}

const (
	followBytes = 256 << 10 // of a read: they fit the second-level cache of most processors
	aheadBytes  = 2 << 20   // and so does this, or nearly
)

// follow begins at the start of a file that grows.
func follow(f io.ReaderAt, by Digest) *follower { return lead(f, by, 0) }

// lead begins at the start of a file of this size, which is to be sent.
func lead(f io.ReaderAt, by Digest, size int64) *follower {
	w := &follower{done: make(chan struct{}), sum: sum{By: by}, ahead: min(size, aheadBytes), size: size}
	w.changed = sync.NewCond(&w.mu)
	go w.run(f)
	return w
}

func (w *follower) run(f io.ReaderAt) {
	defer close(w.done)
	h := w.sum.By.New()
	buf := make([]byte, followBytes)
	at := int64(0)
	for to := w.next(at); at < to; to = w.next(at) {
		n, err := f.ReadAt(buf[:min(to-at, followBytes)], at)
		if n == 0 {
			w.fail(err)
			return
		}
		h.Write(buf[:n])
		at += int64(n)
	}
	w.sum.Value = h.Sum(nil)
}

// next says that all before at was read, and waits until more may be; nothing more is the
// end.
func (w *follower) next(at int64) (to int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.read = at
	w.changed.Broadcast()
	for {
		to = w.mark
		if !w.over {
			to = max(to, min(w.mark+w.ahead, w.size))
		}
		if to > at || w.over {
			return to
		}
		w.changed.Wait()
	}
}

func (w *follower) fail(err error) {
	w.mu.Lock()
	w.err = err
	w.mu.Unlock()
	w.changed.Broadcast()
}

// await waits until the n bytes at an offset were read, which are to be sent next, and no
// more than aheadBytes. One that is further behind, because an upload goes on where it was
// broken off, is not waited for.
func (w *follower) await(at, n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for at <= w.read && w.read < min(at+n, w.size) && w.err == nil {
		w.changed.Wait()
	}
}

// reach says how many bytes are there.
func (w *follower) reach(n int64) {
	w.mu.Lock()
	w.mark = n
	w.mu.Unlock()
	w.changed.Broadcast()
}

// end says that there are no more, and waits for the digest. It must be called, whatever
// became of the transfer.
func (w *follower) end() (sum, error) {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.changed.Broadcast()
	<-w.done
	return w.sum, w.err
}

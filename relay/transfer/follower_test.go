package transfer

import (
	"bytes"
	"io"
	"sync/atomic"
	"testing"
	"time"
)

// A follower that is told of a file piece by piece gets the digest of the whole.
func TestFollowerReadsBehind(t *testing.T) {
	content := make([]byte, 3*followBytes+17)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	for _, by := range []Digest{XXH3, SHA256} {
		h := by.New()
		h.Write(content)
		for _, step := range []int{1 << 30, 1000, followBytes} {
			w := follow(bytes.NewReader(content), by)
			for at := step; at < len(content); at += step {
				w.reach(int64(at))
			}
			w.reach(int64(len(content)))
			got, err := w.end()
			if err != nil || !got.Equal(sum{By: by, Value: h.Sum(nil)}) {
				t.Errorf("%s in steps of %d: %v, %v", by, step, got, err)
			}
		}
	}
}

// A file that is shorter than what was said to be there is an error, not a digest.
func TestFollowerOfAFileThatIsTooShort(t *testing.T) {
	w := follow(bytes.NewReader(make([]byte, 10)), XXH3)
	w.reach(11)
	if got, err := w.end(); err == nil {
		t.Errorf("the digest is %v", got)
	}
}

// A follower of a file that is sent gets the same digest, wherever the sending begins.
func TestFollowerReadsAhead(t *testing.T) {
	content := make([]byte, 3*aheadBytes+17)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	h := XXH3.New()
	h.Write(content)
	for _, begin := range []int{0, 1, 2*aheadBytes + 5, len(content)} {
		w := lead(bytes.NewReader(content), XXH3, int64(len(content)))
		w.reach(int64(begin))
		for at := begin; at < len(content); {
			n := min(len(content)-at, pourChunk)
			w.await(int64(at), int64(n))
			at += n
			w.reach(int64(at))
		}
		got, err := w.end()
		if err != nil || !got.Equal(sum{By: XXH3, Value: h.Sum(nil)}) {
			t.Errorf("from %d: %v, %v", begin, got, err)
		}
	}
}

// highest notes how far a reader was read.
type highest struct {
	io.ReaderAt
	at atomic.Int64
}

func (r *highest) ReadAt(p []byte, at int64) (int, error) {
	r.at.Store(max(r.at.Load(), at+int64(len(p))))
	return r.ReaderAt.ReadAt(p, at)
}

// What is to be sent was read, and not much more: else it is not in the caches any more.
func TestFollowerKeepsItsDistance(t *testing.T) {
	const size = 4 * aheadBytes
	r := &highest{ReaderAt: bytes.NewReader(make([]byte, size))}
	w := lead(r, XXH3, size)
	for at := int64(0); at < size; at += pourChunk {
		w.await(at, pourChunk)
		if got := r.at.Load(); got < at+pourChunk || got > at+aheadBytes {
			t.Fatalf("%d bytes were read when %d were sent", got, at)
		}
		w.reach(at + pourChunk)
	}
	if _, err := w.end(); err != nil {
		t.Fatal(err)
	}
}

// Nobody waits for the digest of a file that became shorter, nor for one that is far behind.
func TestFollowerIsNotWaitedForInVain(t *testing.T) {
	short := lead(bytes.NewReader(make([]byte, 10)), XXH3, 100)
	behind := lead(blocked{}, XXH3, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		short.await(0, 100)
		behind.await(50, 50)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("still waiting")
	}
	if _, err := short.end(); err == nil {
		t.Error("a file that is too short has a digest")
	}
}

// blocked is a reader that never answers.
type blocked struct{}

func (blocked) ReadAt([]byte, int64) (int, error) { select {} }

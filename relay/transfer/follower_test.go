package transfer

import (
	"bytes"
	"io"
	"sync"
	"testing"
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
	content := make([]byte, 6*pourChunk+17)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	h := XXH3.New()
	h.Write(content)
	for _, begin := range []int{0, 1, pourChunk / 2, 4*pourChunk + 5, len(content)} {
		w := follow(bytes.NewReader(content), XXH3)
		w.reach(int64(begin))
		for at := begin; at < len(content); {
			n := min(len(content)-at, pourChunk)
			w.lead(int64(at), int64(at+n))
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
	at int64
}

func (r *highest) ReadAt(p []byte, at int64) (int, error) {
	r.at = max(r.at, at+int64(len(p)))
	return r.ReaderAt.ReadAt(p, at)
}

// What is to be sent was read, and no more than that: else it is not in the caches any more.
func TestFollowerReadsWhatIsSentNext(t *testing.T) {
	const size = 4*pourChunk + 1
	r := &highest{ReaderAt: bytes.NewReader(make([]byte, size))}
	w := follow(r, XXH3)
	for at := int64(0); at < size; at += pourChunk {
		next := min(at+pourChunk, size)
		w.lead(at, next)
		if r.at != next {
			t.Fatalf("%d bytes were read when those up to %d are to be sent", r.at, next)
		}
		w.reach(next)
	}
	if _, err := w.end(); err != nil {
		t.Fatal(err)
	}
}

// A file that became shorter has no digest, and one that is far behind is not waited for.
func TestFollowerIsNotWaitedForInVain(t *testing.T) {
	short := follow(bytes.NewReader(make([]byte, 10)), XXH3)
	short.lead(0, 100)
	if _, err := short.end(); err == nil {
		t.Error("a file that is too short has a digest")
	}
	r := &slow{asked: make(chan struct{}), goOn: make(chan struct{})}
	behind := follow(r, XXH3)
	behind.reach(2 * followFrom)
	<-r.asked
	behind.lead(2*followFrom, 3*followFrom) // returns, though nothing can be read
	behind.over.Store(true)
	close(r.goOn)
	behind.stop()
	if behind.read != followBytes {
		t.Errorf("%d bytes were read by the time it was stopped, not one piece", behind.read)
	}
}

// slow is a reader that answers when it may.
type slow struct {
	asked, goOn chan struct{}
	once        sync.Once
}

func (r *slow) ReadAt(p []byte, _ int64) (int, error) {
	r.once.Do(func() { close(r.asked) })
	<-r.goOn
	return len(p), nil
}

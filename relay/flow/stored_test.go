package flow

import (
	"os"
	"testing"
)

// Whoever asks is told as soon as bytes are in the file, and of the last ones.
func TestStoredIsToldOfWhatIsInTheFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]cargo{"spliced": {}, "copied": {mode: Never}} {
		c.size = 1 << 20
		a := c.make(t)
		var last, times int64
		var wrong []int64 // too early, or again
		a.dst.Stored = func(upTo int64) {
			if info, err := os.Stat(a.path); err != nil || info.Size() < upTo || upTo <= last {
				wrong = append(wrong, upTo)
			}
			last, times = upTo, times+1
		}
		want := body(1 << 20)
		a.want(a.feed(want, 5), Ended)
		a.wantFile(want)
		if last != c.size || times < c.size/int64(a.flow.Chunk) || wrong != nil {
			t.Errorf("%s: told %d times, of %d bytes in the end, want %d; too early or again: %v", name, times, last, c.size, wrong)
		}
	}
}

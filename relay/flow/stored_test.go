package flow

import (
	"os"
	"testing"
)

// Whoever asks is told of each step when its bytes are in the file, and of the last one.
func TestStoredIsToldOfWhatIsInTheFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]cargo{"spliced": {}, "copied": {mode: Never}} {
		c.size = 1 << 20
		a := c.make(t)
		var last int64
		var short []int64
		a.dst.Stored = func(upTo int64) {
			if info, err := os.Stat(a.path); err != nil || info.Size() < upTo || upTo <= last {
				short = append(short, upTo)
			}
			last = upTo
		}
		want := body(1 << 20)
		a.want(a.feed(want, 5), Ended)
		a.wantFile(want)
		if last != c.size || short != nil {
			t.Errorf("%s: told of %d bytes in the end, want %d; too early or again: %v", name, last, c.size, short)
		}
	}
}

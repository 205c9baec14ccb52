package bench

import (
	"bytes"
	"testing"
)

func TestThePatternIsTheSameInPieces(t *testing.T) {
	whole := make([]byte, 1000)
	fill(whole, 0)
	for from := range 40 {
		for _, n := range []int{0, 1, 7, 8, 9, 100, 960} {
			part := make([]byte, n)
			fill(part, int64(from))
			if !bytes.Equal(part, whole[from:from+n]) {
				t.Fatalf("%d bytes from %d on differ", n, from)
			}
		}
	}
}

func TestDiffersFindsTheByte(t *testing.T) {
	p, want := make([]byte, 100), make([]byte, 100)
	fill(p, 3)
	if i := differs(p, want, 3); i != -1 {
		t.Errorf("byte %d of the right ones differs", i)
	}
	p[77] ^= 1
	if i := differs(p, want, 3); i != 77 {
		t.Errorf("byte %d differs, want 77", i)
	}
}

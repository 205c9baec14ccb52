package peer

import (
	"bytes"
	"testing"
)

// Any part of a stream is the same bytes, however it is cut.
func TestStreamPartsAgree(t *testing.T) {
	whole := Stream(7).Bytes(0, 1000)
	for offset := range 40 {
		for n := range 40 {
			if got := Stream(7).Bytes(int64(offset), n); !bytes.Equal(got, whole[offset:offset+n]) {
				t.Fatalf("%d bytes at %d: % x, want % x", n, offset, got, whole[offset:offset+n])
			}
		}
	}
}

// A checker that finds nothing would make every suite pass.
func TestCheckerFindsTheWrongByte(t *testing.T) {
	check := Checker{Stream: 7}
	if err := check.Check(Stream(7).Bytes(0, 100)); err != nil || check.At != 100 {
		t.Fatalf("right bytes: %v at %d", err, check.At)
	}
	wrong := Stream(7).Bytes(100, 50)
	wrong[30]++
	if err := check.Check(wrong); err == nil || check.At != 130 {
		t.Fatalf("a wrong byte at 130: %v at %d", err, check.At)
	}
	if err := (&Checker{Stream: 7}).Check(Stream(8).Bytes(0, 10)); err == nil {
		t.Fatal("a foreign stream was let through")
	}
}

package bench

import (
	"bytes"
	"encoding/binary"
)

// word is the pattern's eight bytes at offset 8·i: a mix of the offset (splitmix64), so
// that no two places of a file look alike.
func word(i uint64) uint64 {
	i += 0x9e3779b97f4a7c15
	i = (i ^ i>>30) * 0xbf58476d1ce4e5b9
	i = (i ^ i>>27) * 0x94d049bb133111eb
	return i ^ i>>31
}

// fill writes the pattern of the bytes from offset at on.
func fill(p []byte, at int64) {
	if odd := int(at % 8); odd != 0 && len(p) > 0 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], word(uint64(at/8)))
		n := copy(p, w[odd:])
		p, at = p[n:], at+int64(n)
	}
	for ; len(p) >= 8; p, at = p[8:], at+8 {
		binary.LittleEndian.PutUint64(p, word(uint64(at/8)))
	}
	if len(p) > 0 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], word(uint64(at/8)))
		copy(p, w[:])
	}
}

// differs is the index of the first byte of p that is not the pattern's from offset at
// on, or -1. want is scratch of at least the same length.
func differs(p, want []byte, at int64) int {
	want = want[:len(p)]
	fill(want, at)
	if bytes.Equal(p, want) {
		return -1
	}
	for i := range p {
		if p[i] != want[i] {
			return i
		}
	}
	return -1
}

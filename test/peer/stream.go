package peer

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Stream is an endless pseudo-random sequence of bytes, named by its seed. Any
// part of it can be had at once, so a reader can check from any offset.
type Stream uint64

// word is the n-th 8 bytes: splitmix64 (Steele, Lea, Flood 2014) with n as its
// counter.
func (s Stream) word(n uint64) uint64 {
	z := uint64(s) + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Fill writes the bytes at offset into b.
func (s Stream) Fill(b []byte, offset int64) {
	n := uint64(offset) / 8
	if skip := int(offset % 8); skip != 0 {
		var first [8]byte
		binary.LittleEndian.PutUint64(first[:], s.word(n))
		b = b[copy(b, first[skip:]):]
		n++
	}
	for ; len(b) >= 8; n++ {
		binary.LittleEndian.PutUint64(b, s.word(n))
		b = b[8:]
	}
	if len(b) > 0 {
		var last [8]byte
		binary.LittleEndian.PutUint64(last[:], s.word(n))
		copy(b, last[:])
	}
}

// Bytes is the part of n bytes at offset.
func (s Stream) Bytes(offset int64, n int) []byte {
	b := make([]byte, n)
	s.Fill(b, offset)
	return b
}

// Checker compares what arrives with a stream.
type Checker struct {
	Stream Stream
	At     int64 // bytes that arrived and were right

	want []byte
}

// Check takes the next bytes that arrived.
func (c *Checker) Check(got []byte) error {
	if cap(c.want) < len(got) {
		c.want = make([]byte, len(got))
	}
	want := c.want[:len(got)]
	c.Stream.Fill(want, c.At)
	if bytes.Equal(got, want) {
		c.At += int64(len(got))
		return nil
	}
	i := 0
	for got[i] == want[i] {
		i++
	}
	c.At += int64(i)
	return fmt.Errorf("byte %d of stream %x is wrong: got % x…, want % x…",
		c.At, uint64(c.Stream), clip(got[i:]), clip(want[i:]))
}

func clip(b []byte) []byte { return b[:min(len(b), 16)] }

package drop

import (
	"math"
	"strings"
)

// span is a part of a file, in bytes.
type span struct{ from, length int64 }

// wanted is what a Range field asks for.
type wanted uint8

const (
	whole   wanted = iota // no range, none we know, or several: the whole file
	part                  // one that lies in the file
	outside               // one that does not
)

// byteRange reads the Range fields of a request for a file of this size (RFC 9110,
// 14.1.2). What it cannot read it overlooks, as the RFC asks.
func byteRange(fields []string, size int64) (span, wanted) {
	if len(fields) != 1 {
		return span{}, whole
	}
	unit, set, ok := strings.Cut(fields[0], "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return span{}, whole
	}
	first, last, ok := strings.Cut(strings.Trim(set, " \t"), "-")
	if !ok {
		return span{}, whole
	}
	if first == "" {
		return suffix(last, size)
	}
	from, ok := number(first)
	if !ok {
		return span{}, whole
	}
	to := int64(math.MaxInt64)
	if last != "" {
		if to, ok = number(last); !ok || to < from {
			return span{}, whole
		}
	}
	if from >= size {
		return span{}, outside
	}
	return span{from, min(to, size-1) - from + 1}, part
}

// suffix is the range "-n", the last n bytes.
func suffix(digits string, size int64) (span, wanted) {
	n, ok := number(digits)
	switch {
	case !ok:
		return span{}, whole
	case n == 0:
		return span{}, outside
	case size == 0:
		return span{}, whole // "-5" of an empty file is all of it, which no 206 can say
	}
	n = min(n, size)
	return span{size - n, n}, part
}

// number reads digits and nothing else; what is too large for an int64 is the largest.
func number(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		d := int64(s[i]) - '0'
		switch {
		case d < 0 || d > 9:
			return 0, false
		case n > (math.MaxInt64-d)/10:
			n = math.MaxInt64
		default:
			n = n*10 + d
		}
	}
	return n, true
}

package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
	tib = 1 << 40
)

// units are exact in spelling: a "64k" or "64Kb" is asked about, not guessed at.
// The binary ones come largest first, for formatSize.
var units = []struct {
	name  string
	bytes int64
}{
	{"TiB", tib},
	{"GiB", gib},
	{"MiB", mib},
	{"KiB", kib},
	{"B", 1},
	{"TB", 1e12},
	{"GB", 1e9},
	{"MB", 1e6},
	{"KB", 1e3},
	{"kB", 1e3},
}

var (
	errNotSize  = errors.New(`is not a size; write it like "64KiB", "1MiB" or "2GB", or as a whole number of bytes`)
	errNegative = errors.New("is negative; a size is at least 0")
)

// size is a number of bytes in a range.
func size[V int | int64](least, most int64) func(any) (V, error) {
	return func(v any) (V, error) {
		n, err := bytesOf(v)
		if err == nil && (n < least || n > most) {
			err = fmt.Errorf("is out of range; write a size from %q to %q", formatSize(least), formatSize(most))
		}
		if err != nil {
			return 0, fmt.Errorf("%s %w", literal(v), err)
		}
		return V(n), nil
	}
}

// bytesOf reads a size; one that no int64 can hold is the largest that one can.
func bytesOf(v any) (int64, error) {
	n, isNumber := v.(int64)
	s, isText := v.(string)
	switch {
	case isText:
		return parseSize(s)
	case !isNumber:
		return 0, errNotSize
	case n < 0:
		return 0, errNegative
	}
	return n, nil
}

func parseSize(s string) (int64, error) {
	if strings.HasPrefix(s, "-") {
		return 0, errNegative
	}
	end := len(s)
	if i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		end = i
	}
	digits, unit := s[:end], strings.TrimLeft(s[end:], " ")
	if digits == "" {
		return 0, errNotSize
	}
	// Digits alone can only overflow, and ParseInt then returns the largest int64.
	n, _ := strconv.ParseInt(digits, 10, 64)
	if unit == "" && end == len(s) {
		return n, nil
	}
	for _, u := range units {
		if u.name != unit {
			continue
		}
		if n > math.MaxInt64/u.bytes {
			return math.MaxInt64, nil
		}
		return n * u.bytes, nil
	}
	return 0, errNotSize
}

// formatSize is a size in the largest binary unit that shows it exactly.
func formatSize(n int64) string {
	for _, u := range units {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return "0"
}

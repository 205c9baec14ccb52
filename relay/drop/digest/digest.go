package digest

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"hash"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"
)

// Algorithm is a way to compute a digest.
type Algorithm uint8

// The algorithms. Their numbers are kept with files.
const (
	None Algorithm = iota
	XXH3
	SHA256
	SHA512
)

var names = [...]string{None: "none", XXH3: "xxh3-128", SHA256: "sha-256", SHA512: "sha-512"}

// String is the name as fields have it.
func (a Algorithm) String() string { return names[a] }

// New begins a digest.
func (a Algorithm) New() hash.Hash {
	switch a {
	case SHA256:
		return sha256.New()
	case SHA512:
		return sha512.New()
	}
	return xxh3.New128()
}

// Quick reports that it is computed about as fast as memory is read.
func (a Algorithm) Quick() bool { return a == XXH3 }

// size is the length of a value, in bytes.
func (a Algorithm) size() int {
	switch a {
	case SHA256:
		return sha256.Size
	case SHA512:
		return sha512.Size
	}
	return 16
}

// named finds an algorithm; None if it is not known, which is no error: fields may name
// others beside.
func named(name string) Algorithm {
	for a := XXH3; int(a) < len(names); a++ {
		if strings.EqualFold(names[a], name) {
			return a
		}
	}
	return None
}

// Sum is the digest of something.
type Sum struct {
	By    Algorithm
	Value []byte
}

// String is the sum as Repr-Digest has it.
func (s Sum) String() string {
	return s.By.String() + "=:" + base64.StdEncoding.EncodeToString(s.Value) + ":"
}

// Equal compares two sums.
func (s Sum) Equal(other Sum) bool { return s.By == other.By && bytes.Equal(s.Value, other.Value) }

// Join is the field that holds these sums.
func Join(sums []Sum) string {
	var b strings.Builder
	for i, s := range sums {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(s.String())
	}
	return b.String()
}

// Pack appends sums in as few bytes as they can be told from each other in.
func Pack(b []byte, sums []Sum) []byte {
	for _, s := range sums {
		b = append(append(b, byte(s.By)), s.Value...)
	}
	return b
}

// Unpack reads what Pack has written; false says that it has not.
func Unpack(b []byte) (all []Sum, ok bool) {
	for len(b) > 0 {
		by := Algorithm(b[0])
		if by == None || int(by) >= len(names) || len(b) < 1+by.size() {
			return nil, false
		}
		all = append(all, Sum{by, b[1 : 1+by.size()]})
		b = b[1+by.size():]
	}
	return all, true
}

// ErrValue is a digest whose value cannot be one.
var ErrValue = errors.New("no digest; write one like sha-256=:BASE64: in its field")

// Parse reads the fields Repr-Digest or Content-Digest: the sums we know.
func Parse(fields []string) ([]Sum, error) { return parse(fields, ":") }

// ParseOld reads the field Digest: the sums we know.
func ParseOld(fields []string) ([]Sum, error) { return parse(fields, "") }

func parse(fields []string, quote string) (all []Sum, err error) {
	for _, field := range fields {
		for member := range strings.SplitSeq(field, ",") {
			name, value, _ := strings.Cut(strings.Trim(member, " \t"), "=")
			by := named(name)
			if by == None {
				continue
			}
			text, begins := strings.CutPrefix(value, quote)
			text, ends := strings.CutSuffix(text, quote)
			raw, err := base64.StdEncoding.DecodeString(text)
			if err != nil || !begins || !ends || len(raw) != by.size() {
				return nil, ErrValue
			}
			all = append(all, Sum{by, raw})
		}
	}
	return all, nil
}

// Wanted reads the field Want-Repr-Digest: the algorithm that is liked best of those we
// know; None if there is none.
func Wanted(fields []string) Algorithm {
	best, most := None, 0
	for _, field := range fields {
		for member := range strings.SplitSeq(field, ",") {
			name, value, _ := strings.Cut(strings.Trim(member, " \t"), "=")
			weight, err := strconv.Atoi(value)
			if by := named(name); by != None && err == nil && weight > most {
				best, most = by, weight
			}
		}
	}
	return best
}

package transfer

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"

	"github.com/zeebo/xxh3"
)

// Digest is the way the content of a file is verified, by its name in Repr-Digest
// (RFC 9530).
type Digest string

// The digests. XXH3 finds damage at the speed of memory; SHA256 tampering, too.
const (
	XXH3   Digest = "xxh3-128"
	SHA256 Digest = "sha-256"
	NoSum  Digest = "none"
)

// ParseDigest reads the name of a digest.
func ParseDigest(s string) (Digest, error) {
	switch d := Digest(s); d {
	case XXH3, SHA256, NoSum:
		return d, nil
	}
	return "", fmt.Errorf("%q is no digest; there are %s, %s and %s", s, XXH3, SHA256, NoSum)
}

func (d Digest) hash() hash.Hash {
	if d == SHA256 {
		return sha256.New()
	}
	return xxh3.New128()
}

// sum is a digest with its value.
type sum struct {
	by    Digest
	value []byte
}

// String is the sum as a field's value has it.
func (s sum) String() string {
	return string(s.by) + "=:" + base64.StdEncoding.EncodeToString(s.value) + ":"
}

// parseSums finds the sums we know in the Repr-Digest fields of an answer: best of all
// the one that is liked.
func parseSums(fields []string, like Digest) (found sum, ok bool) {
	for member := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(member), "=")
		by := Digest(strings.ToLower(name))
		if by != XXH3 && by != SHA256 || ok && by != like {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(strings.Trim(value, ":"))
		if err == nil && len(raw) == by.hash().Size() {
			found, ok = sum{by, raw}, true
		}
	}
	return found, ok
}

// wantSums is the value of Want-Repr-Digest that asks for the digest first, and takes
// the other as well.
func wantSums(like Digest) string {
	if like == SHA256 {
		return string(SHA256) + "=10, " + string(XXH3) + "=1"
	}
	return string(XXH3) + "=10, " + string(SHA256) + "=1"
}

// errDamaged is what a digest that does not match means.
func errDamaged(name string, want, got sum) error {
	return fmt.Errorf("%s: damaged on the way: its digest is %s, and should be %s", name, got, want)
}

func (s sum) equal(other sum) bool { return s.by == other.by && bytes.Equal(s.value, other.value) }

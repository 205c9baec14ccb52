package transfer

import (
	"fmt"
	"strings"

	"relay/relay/drop/digest"
)

// Digest is the way the content of a file is verified.
type Digest = digest.Algorithm

// The digests. XXH3 finds damage at the speed of memory; SHA256 tampering, too.
const (
	XXH3   = digest.XXH3
	SHA256 = digest.SHA256
	NoSum  = digest.None
)

// sum is a digest with its value; one by NoSum is none.
type sum = digest.Sum

// ParseDigest reads the name of a digest.
func ParseDigest(s string) (Digest, error) {
	for _, d := range []Digest{XXH3, SHA256, NoSum} {
		if s == d.String() {
			return d, nil
		}
	}
	return NoSum, fmt.Errorf("%q is no digest; there are %s, %s and %s", s, XXH3, SHA256, NoSum)
}

// parseSums finds the sums that we compute in the Repr-Digest fields of an answer: best of
// all the one that is liked. One that cannot be read is as if it were not there.
func parseSums(fields []string, like Digest) (found sum, ok bool) {
	for member := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		sums, _ := digest.Parse([]string{member})
		for _, s := range sums {
			if (s.By == XXH3 || s.By == SHA256) && (!ok || s.By == like) {
				found, ok = s, true
			}
		}
	}
	return found, ok
}

// wantSums is the value of Want-Repr-Digest that asks for the digest first, and takes
// the other as well.
func wantSums(like Digest) string {
	other := SHA256
	if like == SHA256 {
		other = XXH3
	} else {
		like = XXH3
	}
	return like.String() + "=10, " + other.String() + "=1"
}

// errDamaged is what a digest that does not match means.
func errDamaged(name string, want, got sum) error {
	return fmt.Errorf("%s: damaged on the way: its digest is %s, and should be %s", name, got, want)
}

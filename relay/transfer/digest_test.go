package transfer

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"testing"
)

func TestSumsAreFoundInFields(t *testing.T) {
	sha := sha256.Sum256([]byte("x"))
	xxh := base64.StdEncoding.EncodeToString(make([]byte, 16))
	both := []string{"unixsum=:AAA=:, sha-256=:" + base64.StdEncoding.EncodeToString(sha[:]) + ":", "xxh3-128=:" + xxh + ":"}
	if s, ok := parseSums(both, SHA256); !ok || s.by != SHA256 || !bytes.Equal(s.value, sha[:]) {
		t.Errorf("found %v", s)
	}
	if s, ok := parseSums(both, XXH3); !ok || s.String() != both[1] {
		t.Errorf("found %v", s)
	}
	if s, ok := parseSums(both[:1], XXH3); !ok || s.by != SHA256 {
		t.Errorf("found %v", s)
	}
	for _, text := range []string{"", "sha-256", "sha-256=::", "sha-256=:AAAA:", "md5=:AAAA:", "xxh3-128=:*:"} {
		if s, ok := parseSums([]string{text}, XXH3); ok {
			t.Errorf("%q is taken for %v", text, s)
		}
	}
}

// A follower that is told of a file piece by piece gets the digest of the whole.
func TestFollowerReadsBehind(t *testing.T) {
	content := make([]byte, 3*followBytes+17)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	for _, by := range []Digest{XXH3, SHA256} {
		h := by.hash()
		h.Write(content)
		for _, step := range []int{1 << 30, 1000, followBytes} {
			w := follow(bytes.NewReader(content), by)
			for at := step; at < len(content); at += step {
				w.reach(int64(at))
			}
			w.reach(int64(len(content)))
			got, err := w.end()
			if err != nil || !got.equal(sum{by, h.Sum(nil)}) {
				t.Errorf("%s in steps of %d: %v, %v", by, step, got, err)
			}
		}
	}
}

// A file that is shorter than what was said to be there is an error, not a digest.
func TestFollowerOfAFileThatIsTooShort(t *testing.T) {
	w := follow(bytes.NewReader(make([]byte, 10)), XXH3)
	w.reach(11)
	if got, err := w.end(); err == nil {
		t.Errorf("the digest is %v", got)
	}
}

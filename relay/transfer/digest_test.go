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
	if s, ok := parseSums(both, SHA256); !ok || s.By != SHA256 || !bytes.Equal(s.Value, sha[:]) {
		t.Errorf("found %v", s)
	}
	if s, ok := parseSums(both, XXH3); !ok || s.String() != both[1] {
		t.Errorf("found %v", s)
	}
	if s, ok := parseSums(both[:1], XXH3); !ok || s.By != SHA256 {
		t.Errorf("found %v", s)
	}
	for _, text := range []string{"", "sha-256", "sha-256=::", "sha-256=:AAAA:", "md5=:AAAA:", "xxh3-128=:*:"} {
		if s, ok := parseSums([]string{text}, XXH3); ok {
			t.Errorf("%q is taken for %v", text, s)
		}
	}
}

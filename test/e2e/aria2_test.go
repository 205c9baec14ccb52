//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"
	"sync"
	"testing"

	"relay/test/harness"
)

// bigSum is the SHA-256 of the large file, for programs that check it themselves.
func bigSum(t testing.TB) string {
	t.Helper()
	bigSumOnce.Do(func() {
		h := sha256.New()
		if _, err := io.Copy(h, open(t, big(t))); err != nil {
			t.Fatal(err)
		}
		bigSumText = hex.EncodeToString(h.Sum(nil))
	})
	return bigSumText
}

var (
	bigSumOnce sync.Once
	bigSumText string
)

// ranges is how many parts aria2 fetches at a time.
const ranges = 16

// aria2 downloads the large file in ranges, checks it and returns its path.
func aria2(t testing.TB, url string) string {
	t.Helper()
	p := program(t, "aria2c", "--no-conf", "-x16", "-s16", "-k1M", "--file-allocation=none",
		"--max-tries=1", "--timeout=20", "--summary-interval=0", "--console-log-level=warn",
		"--checksum=sha-256="+bigSum(t), url)
	p.ok(t)
	got := filepath.Join(p.Dir, bigName)
	wantSame(t, got, big(t))
	return got
}

func TestAria2Ranges(t *testing.T) {
	backend := startNginx(t, "127.0.0.1")
	for _, mode := range spliceModes {
		t.Run(mode, func(t *testing.T) {
			r := startProxy(t, mode, backend.Address)
			aria2(t, "http://"+r.Address(t, "web")+"/"+bigName)
			wantSessions(t, r, ranges)
		})
	}
}

// wantSessions waits until so many sessions have ended, each of which carried bytes.
func wantSessions(t testing.TB, r *harness.Relay, n int) {
	t.Helper()
	harness.Eventually(t, "the sessions are in the access log", func() (bool, any) {
		carried := 0
		for _, s := range r.Sessions() {
			if s.BytesDown > 0 {
				carried++
			}
		}
		return carried >= n, carried
	})
}

//go:build e2e

package e2e

import (
	"path/filepath"
	"syscall"
	"testing"

	"relay/test/harness"
)

// TestCurlDrain stops relay in the middle of a download, politely: the download is
// finished, nobody else gets in, and relay ends well.
func TestCurlDrain(t *testing.T) {
	address := freeAddress(t, "127.0.0.1")
	c := harness.Proxy(address)
	c.Engine["drain_timeout"] = "30s"
	c.Drops = []harness.Table{{"name": "files", "listen": []string{address}, "directory": filepath.Dir(big(t))}}
	r := harness.Start(t, c)
	url := "http://" + r.Address(t, "web") + "/" + bigName

	got := filepath.Join(t.TempDir(), "got")
	download := curl(t, "-f", "--limit-rate", "100M", "-o", got, url).start(t)
	hasSome(t, got, 1<<20)
	r.Signal(t, syscall.SIGTERM)
	harness.Eventually(t, "nobody else gets in", func() (bool, any) {
		code := curl(t, "-o", "/dev/null", "-r", "0-0", url).run(t)
		return code == curlRefused, code
	})
	if code := download.wait(t); code != 0 {
		t.Errorf("curl ended with code %d", code)
	}
	wantSame(t, got, big(t))
	if code := r.Exit(t); code != 0 {
		t.Errorf("relay ended with code %d", code)
	}
}

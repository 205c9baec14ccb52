//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTransfers downloads a large file by each way to send it: in one piece, and in 16
// ranges at a time.
func TestTransfers(t *testing.T) {
	for _, transfer := range transfers {
		t.Run(transfer, func(t *testing.T) {
			d := startDrop(t, filepath.Dir(big(t)), transfer)
			d.bothWays(t, func(t *testing.T, url string) {
				got := filepath.Join(t.TempDir(), "got")
				curl(t, "-f", "-o", got, url+"/"+bigName).ok(t)
				wantSame(t, got, big(t))
				aria2(t, url+"/"+bigName)
			})
		})
	}
}

// TestTransfersOfAFileThatShrinks cuts a file while it is sent. The client must see that
// the body is too short, and the program must live: with mmap, a page that is no longer
// there is a signal.
func TestTransfersOfAFileThatShrinks(t *testing.T) {
	for _, transfer := range transfers {
		t.Run(transfer, func(t *testing.T) {
			dir := t.TempDir()
			d := startDrop(t, dir, transfer)
			d.bothWays(t, func(t *testing.T, url string) {
				shrinking := write(t, filepath.Join(dir, "shrinking"), "")
				truncate(t, shrinking, bigBytes)
				got := filepath.Join(t.TempDir(), "got")
				download := curl(t, "-f", "--limit-rate", "20M", "-o", got, url+"/shrinking").start(t)
				hasSome(t, got, 1<<20)
				truncate(t, shrinking, 1<<20)
				if code := download.wait(t); code != curlReset {
					t.Errorf("curl ended with code %d, want %d", code, curlReset)
				}
				curl(t, "-f", url+"/").ok(t)
			})
		})
	}
}

func truncate(t testing.TB, path string, bytes int64) {
	t.Helper()
	if err := os.Truncate(path, bytes); err != nil {
		t.Fatal(err)
	}
}

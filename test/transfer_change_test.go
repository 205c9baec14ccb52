package test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// A file that is written to while it is sent is never seen torn.
func TestSendOfAFileThatChanges(t *testing.T) {
	t.Parallel()
	r := startDrop(t, writable)
	from := t.TempDir()
	path := filepath.Join(from, "file")
	old, fresh := bytesOf(1, 10_000_000), bytesOf(2, 10_000_000)
	plantFile(t, path, old, 0o644, time.Unix(1700000000, 0))
	f := flaky(t, r.Address(t, "files"), 0, 0, 1)
	c := begin(t, "send", "--limit-rate", "20MB", stateFlag(t), path, "http://"+f.Address+"/")
	waitForBytes(t, f, 3_000_000)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(fresh, 0); err != nil {
		t.Fatal(err)
	}
	file.Close()
	if code := c.wait(t); code != 0 || !strings.Contains(c.said(), "changed while it was sent") {
		t.Errorf("exit code %d\n%s", code, c.said())
	}
	if got, err := os.ReadFile(filepath.Join(r.dir, "file")); err != nil || !bytes.Equal(got, fresh) {
		t.Errorf("%d bytes arrived, differing at %d; %v", len(got), differAt(got, fresh), err)
	}
}

// waitForBytes waits until so many have passed through a proxy.
func waitForBytes(t testing.TB, f *peer.Fault, n int64) int64 {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%d bytes", n), func() (bool, any) { return f.Passed() >= n, f.Passed() })
	return f.Passed()
}

package test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// pausing passes connections on to a target, but each only so far until the gate opens.
type pausing struct {
	*peer.Server
	reached, gate chan struct{}
}

func pauseAfter(t testing.TB, target string, bytes int64) *pausing {
	t.Helper()
	p := &pausing{reached: make(chan struct{}, 100), gate: make(chan struct{})}
	var err error
	p.Server, err = peer.Serve("127.0.0.1:0", func(c *peer.Conn) {
		to, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer to.Close()
		go func() { // ends with either connection
			_, _ = io.Copy(c, to)
			c.Close()
		}()
		if _, err := io.CopyN(to, c, bytes); err == nil {
			p.reached <- struct{}{}
			<-p.gate
			_, _ = io.Copy(to, c)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// Where blocks can be shared, a file that is written to while it is forwarded arrives as it
// was, whole, and then as it is.
func TestForwardOfAFileThatIsHeldStill(t *testing.T) {
	t.Parallel()
	dir := harness.MountFile(t, 256*mib, "mkfs.btrfs", "-q")
	in := startDrop(t, conflicting("keep_both"))
	p := pauseAfter(t, in.Address(t, "files"), 3_000_000)
	old, fresh := bytesOf(1, 40_000_000), bytesOf(2, 1_000_000)
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, old, 0o644); err != nil {
		t.Fatal(err)
	}
	harness.Start(t, forwarding{dir: dir, to: []string{"http://" + p.Address + "/"}}.config(t))
	<-p.reached
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(fresh, 20_000_000); err != nil {
		t.Fatal(err)
	}
	file.Close()
	close(p.gate)
	changed := append([]byte(nil), old...)
	copy(changed[20_000_000:], fresh)
	harness.Eventually(t, "both have arrived", func() (bool, any) {
		was, _ := os.ReadFile(filepath.Join(in.dir, "file"))
		is, _ := os.ReadFile(filepath.Join(in.dir, "file (1)"))
		return string(was) == string(old) && string(is) == string(changed),
			[]int{len(was), differAt(was, old), len(is), differAt(is, changed)}
	})
}

package test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"relay/test/harness"
	"relay/test/peer"
)

// mountSharing makes a small file system that shares blocks between files.
func mountSharing(t testing.TB) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	mkfs, err := exec.LookPath("mkfs.btrfs")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	image, at := filepath.Join(dir, "image"), filepath.Join(dir, "mounted")
	const size = 256 << 20 // of which nothing is written but what is used
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, size); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs, "-q", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.btrfs: %v: %s", err, out)
	}
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-o", "loop", image, at).CombinedOutput(); err != nil {
		t.Skipf("this kernel mounts no btrfs from a file: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) }) // the image goes with its directory
	return at
}

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
	dir := mountSharing(t)
	in := startDrop(t, func(c *harness.Config, d harness.Table) {
		writable(c, d)
		d["on_conflict"] = "keep_both"
	})
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

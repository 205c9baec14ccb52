package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// MountMemory mounts a file system in memory, of a size as in tmpfs(5), for a test.
func MountMemory(t testing.TB, size string) (dir string) {
	t.Helper()
	mayMount(t)
	dir = Directory(t)
	if err := unix.Mount("small", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	unmountLater(t, dir)
	return dir
}

// MountFile mounts a file system in a file of so many bytes, of which nothing is written
// but what is used, for a test: a disk on which space can be set aside, or shared. mkfs
// makes it; the test is skipped where that is not installed, or the kernel cannot mount it.
func MountFile(t testing.TB, size int64, mkfs string, options ...string) (dir string) {
	t.Helper()
	mayMount(t)
	program, err := exec.LookPath(mkfs)
	if err != nil {
		if program, err = exec.LookPath("/sbin/" + mkfs); err != nil { // where not every PATH leads
			t.Skip(err)
		}
	}
	image := filepath.Join(Directory(t), "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, size); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, append(options, image)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", mkfs, err, out)
	}
	dir = Directory(t)
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Skipf("this kernel does not mount from a file what %s makes: %v: %s", mkfs, err, out)
	}
	unmountLater(t, dir)
	return dir
}

func mayMount(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
}

// unmountLater unmounts before the directory is removed, though something may still be open.
func unmountLater(t testing.TB, dir string) {
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

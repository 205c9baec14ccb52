package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A file is copied in pieces, from its own file system by the kernel and from another one
// through memory, up to its end.
func TestCopyFrom(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	content := bytes.Repeat([]byte("0123456789abcde\n"), 200_000) // more than is copied at a time
	here := filepath.Join(r.dir, "from")
	if err := os.WriteFile(here, content, 0o600); err != nil {
		t.Fatal(err)
	}
	near, err := unix.Open(here, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(near)
	far, err := unix.MemfdCreate("far", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(far)
	if n, err := unix.Write(far, content); n != len(content) {
		t.Fatal(n, err)
	}
	for where, from := range map[string]int{"near": near, "far": far} {
		p, err := r.Begin(where, int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		const first = 2_000_001
		for _, c := range []struct{ at, n, want int64 }{{0, first, first}, {first, 1 << 30, int64(len(content)) - first}, {int64(len(content)), 1, 0}} {
			if moved, err := p.CopyFrom(from, c.at, c.n); err != nil || moved != c.want {
				t.Errorf("%s, at %d: %d bytes, want %d, %v", where, c.at, moved, c.want, err)
			}
		}
		if _, err := p.Publish(Terms{}); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(r.dir, where)); !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", where, len(got), err)
		}
	}
}

package transfer

import (
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// duplicate stands for a file system that shares blocks.
func duplicate(to, from int) error {
	buf := make([]byte, 100)
	n, err := unix.Pread(from, buf, 0)
	if err == nil {
		_, err = unix.Pwrite(to, buf[:n], 0)
	}
	return err
}

func TestStillSourceDoesNotChange(t *testing.T) {
	s := sourceOf(t, "content!")
	path := s.Name()
	d := still{dir: t.TempDir(), reflink: duplicate}
	if err := d.hold(s); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("other 10"), 0o640); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(s)
	if string(got) != "content!" || err != nil || s.unchanged() != nil {
		t.Errorf("%q, %v; changed: %v", got, err, s.unchanged())
	}
	if left, err := os.ReadDir(d.dir); len(left) > 0 || err != nil {
		t.Errorf("the copy is to be seen: %v, %v", left, err)
	}
}

// A copy of a file that was written to after the look at it is none of what was looked at.
func TestStillSourceThatChangedBefore(t *testing.T) {
	s := sourceOf(t, "content!")
	d := still{dir: t.TempDir(), reflink: func(to, from int) error {
		if err := os.WriteFile(s.Name(), []byte("other 10"), 0o640); err != nil {
			return err
		}
		return duplicate(to, from)
	}}
	if err := d.hold(s); !errors.Is(err, errChanged) || s.still {
		t.Errorf("%v, still is %v", err, s.still)
	}
}

// Where blocks cannot be shared, the file itself is sent; a file system that cannot is not
// asked again.
func TestSourceThatCannotBeStill(t *testing.T) {
	for _, c := range []struct {
		errno error
		asked int
	}{{unix.EOPNOTSUPP, 1}, {unix.ENOTTY, 1}, {unix.EXDEV, 2}, {unix.ENOSPC, 2}} {
		asked := 0
		d := still{dir: t.TempDir(), reflink: func(int, int) error { asked++; return c.errno }}
		for range 2 {
			s := sourceOf(t, "content!")
			if err := d.hold(s); err != nil || s.still {
				t.Errorf("%v: %v, still is %v", c.errno, err, s.still)
			}
			if got, err := io.ReadAll(s); string(got) != "content!" || err != nil {
				t.Errorf("%v: %q, %v", c.errno, got, err)
			}
		}
		if asked != c.asked {
			t.Errorf("%v: asked %d times, want %d", c.errno, asked, c.asked)
		}
	}
}

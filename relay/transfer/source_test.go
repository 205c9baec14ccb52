package transfer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func sourceOf(t *testing.T, content string) *source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
	s, err := openSource(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Whatever is done to a file after the first look is seen by the next, even when size and
// time of change are put back.
func TestChangesAreSeen(t *testing.T) {
	for what, change := range map[string]func(path string) error{
		"written to": func(path string) error { return os.WriteFile(path, []byte("other 10"), 0o640) },
		"written to, and the time put back": func(path string) error {
			info, err := os.Stat(path)
			if err == nil {
				err = os.WriteFile(path, []byte("other 10"), 0o640)
			}
			if err == nil {
				err = os.Chtimes(path, info.ModTime(), info.ModTime())
			}
			return err
		},
		"shortened": func(path string) error { return os.Truncate(path, 3) },
	} {
		s := sourceOf(t, "content!")
		if err := s.unchanged(); err != nil {
			t.Errorf("not touched: %v", err)
		}
		if err := change(s.Name()); err != nil {
			t.Fatal(err)
		}
		if err := s.unchanged(); !errors.Is(err, errChanged) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := s.readAll(make([]byte, 100)); !errors.Is(err, errChanged) {
			t.Errorf("%s, read: %v", what, err)
		}
	}
}

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, t.TempDir(), "/dev/null"} {
		if s, err := openSource(path); err == nil || !isFinal(err) {
			t.Errorf("%s: opened as %v, %v", path, s, err)
		}
	}
}

func TestAttributesAreSent(t *testing.T) {
	s := sourceOf(t, "x")
	s.time = time.Unix(5, 7)
	got := s.attributes()
	if got[0] != (field{"X-OC-Mtime", "5.000000007"}) || got[1] != (field{"X-Relay-Mode", "0640"}) {
		t.Errorf("%v", got)
	}
}

func TestUploadsStayOnTheirServer(t *testing.T) {
	p := Place{"h:9000", "/a"}
	for location, want := range map[string]string{
		"/up/1": "/up/1", "http://h:9000/up/1?x=y": "/up/1?x=y", "/up/a%20b": "/up/a%20b",
		"http://other/up/1": "", "up": "", "": "", "http://h:9000": "", "//other/x": "",
	} {
		got, err := p.elsewhere(location)
		if (err == nil) != (want != "") || got.path != want {
			t.Errorf("%q leads to %+v, %v", location, got, err)
		}
	}
}

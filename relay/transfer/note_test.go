package transfer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What is noted of an upload is there for the next process, for one at a time.
func TestNote(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	to := Place{"h:80", "/a"}
	open := func(path string, to Place) *note {
		t.Helper()
		n, err := openNote(dir, path, to, true)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := open("/f", to)
	want := upload{Location: "/.relay/1", Look: look{1, Version{2, 3, 4, 5}, 6}}
	if err := n.begin(upload{Location: "/a longer one that is overwritten", Look: want.Look}); err != nil {
		t.Fatal(err)
	}
	if err := n.begin(want); err != nil {
		t.Fatal(err)
	}
	if _, err := openNote(dir, "/f", to, true); !errors.Is(err, errSending) {
		t.Errorf("opened twice: %v", err)
	}
	n.keep()
	other := open("/f", Place{"h:80", "/b"})
	if other.upload != (upload{}) {
		t.Errorf("another place has %+v", other.upload)
	}
	other.done()
	n = open("/f", to)
	if n.upload != want {
		t.Errorf("noted as %+v, want %+v", n.upload, want)
	}
	n.done()
	if n = open("/f", to); n.upload != (upload{}) {
		t.Errorf("left over: %+v", n.upload)
	}
	n.done()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

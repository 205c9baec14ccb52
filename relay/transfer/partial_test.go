package transfer

import (
	"errors"
	"os"
	"testing"
	"time"
)

func openRoot(t *testing.T) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

const testURL = "http://h/f"

// startPartial is a part of 100 bytes of a large file.
func startPartial(t *testing.T, root *os.Root) *partial {
	t.Helper()
	p, err := openPartial(root, "f")
	if err == nil {
		err = p.begin(origin{URL: testURL, ETag: `"v"`, Size: resumeLeast})
	}
	if err == nil {
		_, err = p.file.Write(make([]byte, 100))
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPartIsGoneOnWith(t *testing.T) {
	root := openRoot(t)
	startPartial(t, root).keep()
	p, err := openPartial(root, "f")
	if err != nil {
		t.Fatal(err)
	}
	defer p.keep()
	if offset, of := p.resumes(testURL); offset != 100 || of.ETag != `"v"` {
		t.Errorf("resumes at %d of %+v", offset, of)
	}
	if offset, _ := p.resumes("http://h/g"); offset != 0 {
		t.Errorf("a part of another file is gone on with at %d", offset)
	}
}

// A part from before the machine was restarted may have holes.
func TestAPartOfAnotherBootIsNotGoneOnWith(t *testing.T) {
	root := openRoot(t)
	p := startPartial(t, root)
	defer p.keep()
	note := `{"url":"http://h/f","etag":"\"v\"","size":1048576,"boot":"another"}`
	if err := root.WriteFile(p.temp+noteSuffix, []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
	if offset, _ := p.resumes(testURL); offset != 0 {
		t.Errorf("gone on with at %d", offset)
	}
}

func TestAPartBelongsToOneFetch(t *testing.T) {
	root := openRoot(t)
	p := startPartial(t, root)
	if _, err := openPartial(root, "f"); !errors.Is(err, errBusy) {
		t.Errorf("the second fetch: %v", err)
	}
	p.discard()
	q, err := openPartial(root, "f")
	if err != nil {
		t.Fatal(err)
	}
	if offset, _ := q.resumes(testURL); offset != 0 {
		t.Errorf("a part that was discarded is gone on with at %d", offset)
	}
	q.discard()
}

func TestPublishGivesNameModeAndTime(t *testing.T) {
	root := openRoot(t)
	p := startPartial(t, root)
	at := time.Unix(1700000000, 123456789)
	if err := p.publish(attributes{modified: at, mode: 0o640, hasMode: true}, true); err != nil {
		t.Fatal(err)
	}
	info, err := root.Stat("f")
	if err != nil || info.Size() != 100 || info.Mode() != 0o640 || !info.ModTime().Equal(at) {
		t.Errorf("published as %+v, %v", info, err)
	}
	left, err := os.ReadDir(root.Name())
	if err != nil || len(left) != 1 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// What is worth nothing to a later fetch leaves no note.
func TestSmallAndUnnamedVersionsLeaveNoNote(t *testing.T) {
	root := openRoot(t)
	for _, of := range []origin{{testURL, `"v"`, resumeLeast - 1, ""}, {testURL, "", resumeLeast, ""}, {testURL, `W/"v"`, resumeLeast, ""}} {
		p := startPartial(t, root)
		if err := p.begin(of); err != nil {
			t.Fatal(err)
		}
		if offset, _ := p.resumes(testURL); offset != 0 {
			t.Errorf("%+v is gone on with at %d", of, offset)
		}
		if info, err := p.file.Stat(); err != nil || info.Size() != 0 {
			t.Errorf("begun anew with %v, %v", info, err)
		}
		p.discard()
	}
}

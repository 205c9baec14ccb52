package transfer

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Who is killed between remembering elsewhere that a file has arrived and removing the note
// of its upload leaves the note behind; so does a file that is gone before it was sent.
// Only the owner of the directory knows which notes are of no use any more.

// Noted is an upload that was noted.
type Noted struct {
	Name string    // of the note, see NoteOf
	At   time.Time // when it was written last
	path string
	of   Version
}

// Notes are those of a directory of them.
func Notes(stateDir string) (all []Noted) {
	paths, _ := filepath.Glob(filepath.Join(stateDir, "*.json")) // what is asked is well-formed
	for _, path := range paths {
		u, at, err := readNote(path)
		if err == nil {
			all = append(all, Noted{noteName(path), at, path, u.Look.Version})
		}
	}
	return all
}

// readNote reads a note without its lock: who only looks must not keep others from it. One
// that is just being written is read as an empty one.
func readNote(path string) (u upload, at time.Time, err error) {
	f, err := os.Open(path)
	if err != nil {
		return u, at, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return u, at, err
	}
	text, err := io.ReadAll(f)
	_ = json.Unmarshal(text, &u)
	return u, info.ModTime(), err
}

// Of reports that the note is of this version of a file, as far as what it says goes.
func (n Noted) Of(v Version) bool { return n.of.Ino != 0 && v.Same(n.of) }

// Remove removes the note, unless somebody has begun to use it.
func (n Noted) Remove() {
	held := &note{path: n.path}
	if held.open(0) != nil {
		return
	}
	if info, err := os.Stat(n.path); err != nil || !info.ModTime().Equal(n.At) {
		held.keep()
		return
	}
	held.done()
}

// Directory is a place that files are sent to.
type Directory struct{ to Place }

// ParseDirectory reads its URL.
func ParseDirectory(url string) (Directory, error) {
	to, err := ParseURL(url)
	return Directory{to.dir()}, err
}

// NoteOf is the name of the note of a file at path that a Courier brings there as name.
func (d Directory) NoteOf(path, name string) string {
	return noteName(notePath("", path, d.to.join(name)))
}

func noteName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".json") }

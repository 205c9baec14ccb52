package transfer

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Who is killed between remembering elsewhere that a file has arrived and removing the note
// of its upload leaves the note behind; so does a file that is gone before it was sent.
// Only the owner of the directory knows which notes are of no use any more.

// Noted is an upload that was noted and that nobody is at now.
type Noted struct {
	Name string    // of the note, see NoteOf
	At   time.Time // when it was written last
	path string
	look look
}

// Notes are those of a directory of them.
func Notes(stateDir string) (all []Noted) {
	paths, _ := filepath.Glob(filepath.Join(stateDir, "*.json")) // what is asked is well-formed
	for _, path := range paths {
		j := &journal{path: path}
		if j.open(0) != nil {
			continue // somebody is at it, or through with it
		}
		if info, err := j.file.Stat(); err == nil {
			all = append(all, Noted{noteName(path), info.ModTime(), path, j.Look})
		}
		j.keep()
	}
	return all
}

// Of reports that the note is of this version of a file, as far as what it says goes.
func (n Noted) Of(ino uint64, size, mtime, born int64) bool {
	return n.look.Ino != 0 && look{Ino: ino, Size: size, Mtime: mtime, Born: born}.sameFile(n.look)
}

// Remove removes the note, unless somebody has begun to use it.
func (n Noted) Remove() {
	j := &journal{path: n.path}
	if j.open(0) != nil {
		return
	}
	if info, err := os.Stat(n.path); err != nil || !info.ModTime().Equal(n.At) {
		j.keep()
		return
	}
	j.done()
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
	return noteName(journalPath("", path, d.to.join(name)))
}

func noteName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".json") }

package transfer

import (
	"encoding/json"
	"os"
	"testing"
)

// Notes of uploads are read however the program that wrote them spelt what a file looks
// like, and whether or not it asked when files were made.
func TestNotesOfOlderPrograms(t *testing.T) {
	now := upload{Location: "/u/1", Look: look{1, Version{2, 3, 4, 6}, 5}}
	text, err := json.Marshal(now)
	if err != nil {
		t.Fatal(err)
	}
	before := now
	before.Look.Born = 0
	for text, want := range map[string]upload{
		string(text): now,
		`{"location":"/u/1","look":{"dev":1,"ino":2,"size":3,"mtime":4,"born":6,"ctime":5}}`: now,
		`{"location":"/u/1","look":{"Dev":1,"Ino":2,"Size":3,"Mtime":4,"Ctime":5,"Born":6}}`: now,
		`{"location":"/u/1","look":{"Dev":1,"Ino":2,"Size":3,"Mtime":4,"Ctime":5}}`:          before,
	} {
		dir, to := t.TempDir(), Place{"h:80", "/a"}
		if err := os.WriteFile(notePath(dir, "/f", to), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		notes := Notes(dir)
		if len(notes) != 1 || !notes[0].Of(now.Look.Version) || notes[0].Of(Version{2, 3, 4, 7}) != (want.Look.Born == 0) {
			t.Errorf("%s: %+v", text, notes)
		}
		n, err := openNote(dir, "/f", to, false)
		if err != nil {
			t.Fatal(err)
		}
		n.keep()
		if n.upload != want || !n.Look.equals(now.Look) {
			t.Errorf("%s is read as %+v", text, n.upload)
		}
	}
}

// Two versions are one if all that is known of both is the same.
func TestSameVersion(t *testing.T) {
	v := Version{1, 2, 3, 4}
	for other, want := range map[Version]bool{
		v: true, {1, 2, 3, 0}: true, {1, 2, 3, 5}: false, {9, 2, 3, 4}: false, {1, 9, 3, 4}: false, {1, 2, 9, 4}: false, {1, 2, 9, 0}: false,
	} {
		if v.Same(other) != want || other.Same(v) != want {
			t.Errorf("%+v and %+v are the same: not %v", v, other, want)
		}
	}
}

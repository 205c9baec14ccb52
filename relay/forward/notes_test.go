package forward

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/transfer"
)

// Notes of uploads go when nobody needs them any more, and not before.
func TestNotesAreTidied(t *testing.T) {
	f := start(t, receive(t), nil)
	f.Stop()
	r := f.routes[0]
	f.book = bookOf(t, f.config.Directory)
	defer f.book.close()
	now := time.Now()
	v := versionOf(1, 2, 3, 4)
	for path, rec := range map[string]record{
		"sent":         {Version: v, Sent: true, At: now},
		"sent another": {Version: versionOf(9, 2, 3, 4), Sent: true, At: now},
		"failed, old":  {Version: v, Error: "refused", At: now},
	} {
		if err := f.book.put(r.config.To, entry{path, rec}); err != nil {
			t.Fatal(err)
		}
	}
	f.files["waits, old"] = &file{queued: true, legs: []leg{{state: waiting}}}
	f.files["settles, old"] = &file{}
	f.files["done, old"] = &file{queued: true, legs: []leg{{state: sent}}}
	to, err := transfer.ParseDirectory(r.config.To)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(r.notes(), 0o700); err != nil {
		t.Fatal(err)
	}
	stays := map[string]bool{
		"sent": false, "sent another": true, "failed, old": true, "waits, old": true, "settles, old": true, "done, old": false,
		"gone, old": false, "gone": true, "in use, old": true,
	}
	notes := map[string]string{}
	for path := range stays {
		note := filepath.Join(r.notes(), to.NoteOf(filepath.Join(r.drop, path), path)+".json")
		notes[path] = note
		text, err := json.Marshal(map[string]any{"location": "/.relay/x", "look": map[string]any{"Ino": v.Ino, "Size": v.Size, "Mtime": v.Mtime, "Born": v.Born}})
		if err == nil {
			err = os.WriteFile(note, text, 0o600)
		}
		if old := now.Add(-2 * keepFor); err == nil && strings.HasSuffix(path, ", old") {
			err = os.Chtimes(note, old, old)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	used, err := os.Open(notes["in use, old"])
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	if err := unix.Flock(int(used.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	f.tidy(now)
	for path, want := range stays {
		if _, err := os.Lstat(notes[path]); (err == nil) != want {
			t.Errorf("the note of %q is there: not %v", path, want)
		}
	}
}

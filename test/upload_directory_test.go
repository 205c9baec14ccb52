package test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// away are the ways in which a directory goes while files arrive in it.
var away = map[string]func(dir string) error{
	"moved":   func(dir string) error { return os.Rename(dir, dir+" before") },
	"removed": os.RemoveAll,
	"replaced": func(dir string) error {
		return errors.Join(os.Rename(dir, dir+" before"), os.Mkdir(dir, 0o777))
	},
}

// An upload that rests and whose directory goes is over, and not complete: who sends it
// begins anew, and is not told that a file has arrived which nobody has.
func TestAnUploadLosesItsDirectory(t *testing.T) {
	t.Parallel()
	for how, goes := range away {
		r := startUploads(t, nil)
		body := bytesOf(1, 2<<20)
		place := r.begin(t, "/d/a", len(body))
		r.append(t, place, 0, body[:1<<20], "?0").want(t, 204, []byte{})
		if err := goes(filepath.Join(r.dir, "d")); err != nil {
			t.Fatal(err)
		}
		if a := r.do(t, ask("HEAD", place, interop)); a.StatusCode != 404 {
			t.Errorf("%s: HEAD: status %d, %v", how, a.StatusCode, a.Header)
		}
		if a := r.append(t, place, 1<<20, body[1<<20:], "?1"); a.StatusCode != 404 {
			t.Errorf("%s: PATCH: status %d, %s", how, a.StatusCode, a.body)
		}
		if _, err := os.Stat(filepath.Join(r.dir, "d")); (err == nil) != (how == "replaced") {
			t.Errorf("%s: a question made the directory: %v", how, err)
		}
	}
}

// A file gets the name that was asked for, also if its directory goes before it is whole.
func TestAFileArrivesInADirectoryThatGoes(t *testing.T) {
	t.Parallel()
	for how, goes := range away {
		r := startUploads(t, nil)
		body := bytesOf(1, 2<<20)
		c := r.client(t)
		c.say(t, put("/d/a", len(body), "Expect: 100-continue"))
		c.interim(t)
		if err := goes(filepath.Join(r.dir, "d")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(body); err != nil {
			t.Fatal(err)
		}
		if a := c.hear(t, "PUT"); a.StatusCode != 201 {
			t.Errorf("%s: status %d, %s", how, a.StatusCode, a.body)
		}
		r.fetch(t, "/d/a").want(t, 200, body)
		r.wantHidden(t, 0)
	}
}

// The same for one that may take several connections, whose hidden file goes with its
// directory.
func TestAnUploadArrivesInADirectoryThatMoves(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	body := bytesOf(1, 2<<20)
	place := r.begin(t, "/d/a", len(body))
	c := r.client(t)
	c.say(t, patch(place, 0, len(body), "?1", "Expect: 100-continue"))
	c.interim(t)
	if err := away["moved"](filepath.Join(r.dir, "d")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(body); err != nil {
		t.Fatal(err)
	}
	if a := c.hear(t, "PATCH"); a.StatusCode != 201 {
		t.Errorf("status %d, %s", a.StatusCode, a.body)
	}
	r.fetch(t, "/d/a").want(t, 200, body)
	r.wantHidden(t, 0)
}

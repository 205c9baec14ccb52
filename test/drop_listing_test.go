package test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// listedEntry is what a drop tells programs of one name.
type listedEntry struct {
	Href     string    `json:"href"`
	Kind     string    `json:"kind"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Mode     string    `json:"mode"`
}

// A program that asks for JSON gets every name, whatever it is made of, with size, time
// and mode.
func TestDropListsForPrograms(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	at := time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC)
	names := []string{"plain", "with space", "a:b?c#d", "\xff\xfe", "\"quoted\"", "\n", "é"}
	for i, name := range names {
		path := r.file(t, name, bytesOf(1, i))
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(r.dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.file(t, ".relay-partial", []byte("hidden"))
	a := r.fetch(t, "/", "Accept: application/json")
	if got := a.Header.Get("Content-Type"); a.StatusCode != 200 || got != "application/json" {
		t.Fatalf("status %d, type %q", a.StatusCode, got)
	}
	var listing struct {
		Entries []listedEntry `json:"entries"`
		More    bool          `json:"more"`
	}
	if err := json.Unmarshal(a.body, &listing); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	if len(listing.Entries) != len(names)+1 || listing.More {
		t.Fatalf("%d names, more: %v, want %d: %s", len(listing.Entries), listing.More, len(names)+1, a.body)
	}
	if e := listing.Entries[0]; e.Href != "sub/" || e.Kind != "directory" || e.Mode != "0700" {
		t.Errorf("the directory is listed as %+v", e)
	}
	found := map[string]listedEntry{}
	for _, e := range listing.Entries {
		name, err := url.PathUnescape(e.Href)
		if err != nil {
			t.Error(err)
		}
		found[name] = e
	}
	for i, name := range names {
		e := found[name]
		if e.Kind != "file" || e.Size != int64(i) || e.Mode != "0640" || !e.Modified.Equal(at) {
			t.Errorf("%q is listed as %+v", name, e)
		}
	}
	if page := r.fetch(t, "/", "Accept: text/html, application/json"); page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("a browser gets %s", page.Header.Get("Content-Type"))
	}
	told := r.fetch(t, "/plain", "X-Relay-Want: attributes")
	if told.Header.Get("X-Oc-Mtime") != "1714979289.123456789" || told.Header.Get("X-Relay-Mode") != "0640" {
		t.Errorf("attributes told: %v", told.Header)
	}
}

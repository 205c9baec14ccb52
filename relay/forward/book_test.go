package forward

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func bookOf(t *testing.T, dir string) *book {
	t.Helper()
	b, err := openBook(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What was put is there for the next process, and the drop is known by the same id; two
// processes do not have the book at once.
func TestTheBookRemembers(t *testing.T) {
	dir := t.TempDir()
	b := bookOf(t, dir)
	want := record{Version: versionOf(1, 2, 3, 4), Sent: true, At: time.Unix(5, 0).UTC()}
	if err := b.put("http://a/", entry{"sub/\xff", want}); err != nil {
		t.Fatal(err)
	}
	if _, err := openBook(dir); err == nil {
		t.Error("opened twice")
	}
	id := b.id
	b.close()
	b = bookOf(t, dir)
	defer b.close()
	if got, ok := b.get("http://a/", "sub/\xff"); !ok || got != want || b.id != id {
		t.Errorf("%+v, %v, id %s; want %+v, id %s", got, ok, b.id, want, id)
	}
	for _, other := range [][2]string{{"http://b/", "sub/\xff"}, {"http://a/", "sub"}} {
		if got, ok := b.get(other[0], other[1]); ok {
			t.Errorf("%v has %+v", other, got)
		}
	}
	if err := b.remove("http://a/", "sub/\xff"); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.get("http://a/", "sub/\xff"); ok {
		t.Error("what was removed is there")
	}
}

// A record outlives its file by a day, because the file may come back with the power.
func TestTheBookForgetsLate(t *testing.T) {
	b := bookOf(t, t.TempDir())
	defer b.close()
	now := time.Now()
	for path, age := range map[string]time.Duration{"fresh": time.Hour, "old": 2 * keepFor, "there": 2 * keepFor} {
		if err := b.put("x", entry{path, record{Sent: true, At: now.Add(-age)}}); err != nil {
			t.Fatal(err)
		}
	}
	b.prune("x", func(path string) bool { return path == "there" }, now)
	for path, want := range map[string]bool{"fresh": true, "old": false, "there": true} {
		if _, ok := b.get("x", path); ok != want {
			t.Errorf("%s is remembered: %v", path, ok)
		}
	}
}

// A file settles when it was not changed for a while and nobody has it open for writing.
func TestFilesSettle(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lookAt(dir, "f")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	still := stillSince(nil, l, now)
	if wait := settles(path, still, time.Hour); wait <= 0 || wait > time.Hour {
		t.Errorf("just changed: wait %v", wait)
	}
	old := now.Add(-2 * time.Hour)
	if wait := settles(path, old, time.Hour); wait <= 0 {
		t.Error("open for writing, and complete")
	}
	f.Close()
	if wait := settles(path, old, time.Hour); wait != 0 {
		t.Errorf("closed and old: wait %v", wait)
	}
	// The clock is set while the file settles.
	for _, leap := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		if got := stillSince(&file{look: l, still: still}, l, now.Add(leap)); got != still {
			t.Errorf("the clock leaps by %v, and the file is still since %v, not %v", leap, got, still)
		}
	}
	future := look{l.version, now.Add(time.Hour)}
	if got := stillSince(&file{look: l, still: old}, future, now); got != now {
		t.Errorf("a change of a time to come: still since %v, not %v", got, now)
	}
	if _, err := lookAt(dir, "nope"); !os.IsNotExist(err) {
		t.Errorf("nothing there: %v", err)
	}
	if _, err := lookAt(filepath.Dir(dir), filepath.Base(dir)); !os.IsNotExist(err) {
		t.Errorf("a directory: %v", err)
	}
}

func TestPatternsMatchNamesAndPaths(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*.csv", "a.csv", true},
		{"*.csv", "sub/a.csv", true},
		{"*.csv", "a.csv.tmp", false},
		{"sub/*", "sub/a", true},
		{"sub/*", "sub/deep/a", false},
		{"[a-c]?", "x/b1", true},
	} {
		if matches([]string{"nothing", c.pattern}, c.path) != c.want {
			t.Errorf("%q and %q: not %v", c.pattern, c.path, c.want)
		}
	}
}

func TestOwnDirectoriesStandApart(t *testing.T) {
	for path, want := range map[string]bool{
		"archive": true, "archive/x": true, "failed/a.reason": true, ".relay-forward/book": true, "a/.relay-x": true,
		"archives/x": false, "a/archive/x": false, "a.relay-x": false,
	} {
		if apart(path) != want {
			t.Errorf("%s stands apart: not %v", path, want)
		}
	}
}

func TestRetriesComeLaterAndLater(t *testing.T) {
	for tries, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 1000: time.Minute} {
		if got := retryAfter(tries, time.Minute); got != want {
			t.Errorf("after %d tries: %v, want %v", tries, got, want)
		}
	}
}

func TestAlarms(t *testing.T) {
	var a alarms
	now := time.Now()
	if a.timer() != nil {
		t.Error("rings although nothing is set")
	}
	a.set("soon", now.Add(time.Second))
	a.set("late", now.Add(time.Hour))
	if !a.next.Equal(now.Add(time.Second)) {
		t.Errorf("rings at %v", a.next)
	}
	if due := a.due(now.Add(time.Minute)); len(due) != 1 || due[0] != "soon" || !a.next.Equal(now.Add(time.Hour)) {
		t.Errorf("due are %v, next %v", due, a.next)
	}
}

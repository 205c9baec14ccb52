package test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
)

// forwarding is a drop "out", without an address unless one is given, that forwards to
// URLs.
type forwarding struct {
	dir    string
	after  string
	listen []string
	edit   func(drop harness.Table, forwards []harness.Table)
	to     []string
}

// config is a configuration with it.
func (f forwarding) config(t testing.TB) *harness.Config {
	d := harness.Table{"name": "out", "directory": f.dir, "settle": "100ms", "rescan": "2s"}
	if f.listen != nil {
		d["listen"], d["write"] = f.listen, true
	}
	var forwards []harness.Table
	for _, to := range f.to {
		one := harness.Table{"to": to, "retry": "200ms"}
		if f.after != "" {
			one["after"] = f.after
		}
		forwards = append(forwards, one)
	}
	d["forward"] = forwards
	if f.edit != nil {
		f.edit(d, forwards)
	}
	return &harness.Config{
		Engine: harness.Table{"drain_timeout": "3s"}, Log: harness.Table{"level": "info"},
		Admin: harness.Table{"listen": "unix:" + filepath.Join(harness.Directory(t), "admin")}, Drops: []harness.Table{d},
	}
}

// eventually waits until two trees are the same, times and modes too.
func eventuallySame(t testing.TB, got, want string) {
	t.Helper()
	harness.Eventually(t, "the trees are the same", func() (bool, any) {
		is, ought := snapshotFiles(got), snapshotFiles(want)
		for name, text := range ought {
			if is[name] != text {
				return false, fmt.Sprintf("%q is %q, not %q", name, is[name], text)
			}
		}
		return len(is) == len(ought), fmt.Sprintf("%d files, %d wanted", len(is), len(ought))
	})
}

// eventuallyEmpty waits until all that is seen in a directory has gone on.
func eventuallyEmpty(t testing.TB, dir string) {
	t.Helper()
	harness.Eventually(t, "all has gone on", func() (bool, any) {
		left := snapshotFiles(dir)
		return len(left) == 0, left
	})
}

// snapshotFiles describes the regular files that are seen in a tree, as it is while
// others work on it.
func snapshotFiles(dir string) map[string]string {
	found := map[string]string{}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case e.IsDir() && strings.HasPrefix(e.Name(), ".relay-"):
			return fs.SkipDir
		case !e.Type().IsRegular() || strings.HasPrefix(e.Name(), ".relay-"):
			return nil
		}
		name, _ := filepath.Rel(dir, path)
		info, err := e.Info()
		content, err2 := os.ReadFile(path)
		if err == nil && err2 == nil {
			found[name] = describe(info.Mode(), info.ModTime(), content)
		}
		return nil
	})
	return found
}

// describe is all that is forwarded of a file, but its name.
func describe(mode fs.FileMode, at time.Time, content []byte) string {
	return fmt.Sprintf("%v %v %x", mode, at.UnixNano(), hashOf(content))
}

// Files that local programs write, move in or put are forwarded with times and modes, at
// the start and later, the empty ones too; and to several places.
func TestForward(t *testing.T) {
	t.Parallel()
	one, two := startDrop(t, writable), startDrop(t, writable)
	f := forwarding{
		dir: harness.Directory(t), listen: []string{"127.0.0.1:0"},
		to: []string{"http://" + one.Address(t, "files") + "/", "http://" + two.Address(t, "files") + "/in/"},
	}
	at := time.Unix(1700000000, 123)
	plantFile(t, filepath.Join(f.dir, "before"), bytesOf(1, 3_000_000), 0o640, at)
	plantFile(t, filepath.Join(f.dir, "sub", "empty"), nil, 0o600, at)
	r := harness.Start(t, f.config(t))
	inTwo := filepath.Join(two.dir, "in")
	eventuallySame(t, one.dir, f.dir)
	eventuallySame(t, inTwo, f.dir)

	plantFile(t, filepath.Join(f.dir, "new", "dir", "later"), bytesOf(2, 70_000), 0o644, at)
	put := harness.Run(t, "send", stateFlag(t), filepath.Join(f.dir, "before"), "http://"+r.Address(t, "out")+"/put")
	if put.Code != 0 {
		t.Fatal(put.Stderr)
	}
	plantFile(t, filepath.Join(f.dir, ".relay-hidden"), bytesOf(3, 10), 0o644, at)
	if err := os.Rename(filepath.Join(f.dir, ".relay-hidden"), filepath.Join(f.dir, "renamed")); err != nil {
		t.Fatal(err)
	}
	eventuallySame(t, one.dir, f.dir)
	eventuallySame(t, inTwo, f.dir)

	// Another file of that name goes, too; what has not changed does not go again.
	plantFile(t, filepath.Join(f.dir, "before"), bytesOf(4, 50), 0o640, at)
	eventuallySame(t, one.dir, f.dir)
	if n := arrivals(one.Relay, "renamed"); n != 1 {
		t.Errorf("a file arrived %d times", n)
	}
}

// arrivals is how often a drop has logged the arrival of a file.
func arrivals(r *harness.Relay, file string) (n int) {
	for _, l := range r.Journal.Lines() {
		if l.Message == "arrived" && l.Field("file") == file {
			n++
		}
	}
	return n
}

// wantArrivedOnce waits until a drop has said that a file arrived, which it did once.
func wantArrivedOnce(t testing.TB, r *harness.Relay, file string) {
	t.Helper()
	r.Line(t, file+" arrived", func(l harness.Line) bool { return l.Message == "arrived" && l.Field("file") == file })
	if n := arrivals(r, file); n != 1 {
		t.Errorf("%s arrived %d times", file, n)
	}
}

// A file that is still being written is not sent.
func TestForwardWaitsForCompleteFiles(t *testing.T) {
	t.Parallel()
	to := startDrop(t, writable)
	f := forwarding{dir: harness.Directory(t), to: []string{"http://" + to.Address(t, "files") + "/"}}
	r := harness.Start(t, f.config(t))
	r.Message(t, "forwarding")
	file, err := os.Create(filepath.Join(f.dir, "slow"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString("the first half, "); err != nil {
		t.Fatal(err)
	}
	// Another one that is written later and forwarded shows that time enough has passed.
	for i := range 3 {
		name := fmt.Sprintf("other%d", i)
		plantFile(t, filepath.Join(f.dir, name), []byte("x"), 0o644, time.Now())
		to.Line(t, name, func(l harness.Line) bool { return l.Message == "arrived" && l.Field("file") == name })
	}
	if _, err := os.Stat(filepath.Join(to.dir, "slow")); err == nil {
		t.Error("a file that is open for writing was sent")
	}
	if _, err := file.WriteString("the second"); err != nil {
		t.Fatal(err)
	}
	file.Close()
	eventuallySame(t, to.dir, f.dir)
}

// With a done-marker a file goes when that is there, and the marker does not.
func TestForwardDoneMarker(t *testing.T) {
	t.Parallel()
	to := startDrop(t, writable)
	f := forwarding{
		dir: harness.Directory(t), after: "delete", to: []string{"http://" + to.Address(t, "files") + "/"},
		edit: func(d harness.Table, _ []harness.Table) { d["done_marker"] = ".done" },
	}
	harness.Start(t, f.config(t))
	plantFile(t, filepath.Join(f.dir, "a"), []byte("a"), 0o644, time.Unix(1, 0))
	plantFile(t, filepath.Join(f.dir, "b"), []byte("b"), 0o644, time.Unix(1, 0))
	plantFile(t, filepath.Join(f.dir, "b.done"), nil, 0o644, time.Unix(1, 0))
	to.Line(t, "b", func(l harness.Line) bool { return l.Message == "arrived" && l.Field("file") == "b" })
	harness.Eventually(t, "file and marker are gone", func() (bool, any) {
		left := snapshotFiles(f.dir)
		return len(left) == 1 && left["a"] != "", left
	})
	if got := snapshotFiles(to.dir); len(got) != 1 {
		t.Errorf("there is %v", got)
	}
}

// What was sent is deleted or archived; patterns say what is sent at all.
func TestForwardAfter(t *testing.T) {
	t.Parallel()
	to := startDrop(t, writable)
	for _, after := range []string{"delete", "archive"} {
		f := forwarding{
			dir: harness.Directory(t), after: after, to: []string{"http://" + to.Address(t, "files") + "/" + after + "/"},
			edit: func(_ harness.Table, forwards []harness.Table) {
				forwards[0]["match"], forwards[0]["ignore"] = []string{"*.csv", "sub/*"}, []string{"x*"}
			},
		}
		at := time.Unix(1700000000, 0)
		for _, name := range []string{"a.csv", "x.csv", "b.txt", "sub/c"} {
			plantFile(t, filepath.Join(f.dir, name), []byte(name), 0o644, at)
		}
		harness.Start(t, f.config(t))
		harness.Eventually(t, after, func() (bool, any) {
			left := snapshotFiles(f.dir)
			want := 2
			if after == "archive" {
				want = 4
				if left["archive/a.csv"] == "" || left["archive/sub/c"] == "" {
					return false, left
				}
			}
			return len(left) == want && left["x.csv"] != "" && left["b.txt"] != "", left
		})
		if got := snapshotFiles(filepath.Join(to.dir, after)); len(got) != 2 || got["a.csv"] == "" || got["sub/c"] == "" {
			t.Errorf("%s: there is %v", after, got)
		}
	}
}

// A file that has the name, size and time of one that was sent and deleted goes as well; the
// file system gives it the number of that one, as a rule.
func TestForwardTheSameAgain(t *testing.T) {
	t.Parallel()
	to := startDrop(t, writable)
	f := forwarding{
		dir: harness.Directory(t), after: "delete", listen: []string{"127.0.0.1:0"}, to: []string{"http://" + to.Address(t, "files") + "/"},
	}
	r := harness.Start(t, f.config(t))
	c := (&dropRig{Relay: r}).clientOf(t, "out")
	defer c.Close()
	for i := range 5 {
		content := fmt.Sprint("content ", i)
		c.say(t, put("/name", len(content), "X-OC-Mtime: 1700000000")+content)
		if a := c.hear(t, "PUT"); a.StatusCode != 201 {
			t.Fatalf("status %d", a.StatusCode)
		}
		harness.Eventually(t, content, func() (bool, any) {
			got, err := os.ReadFile(filepath.Join(to.dir, "name"))
			left := snapshotFiles(f.dir)
			return string(got) == content && len(left) == 0, fmt.Sprintf("%q, %v, left is %v", got, err, left)
		})
	}
}

// queue runs `relay queue`, which must work.
func queue(t testing.TB, c *harness.Config, args ...string) string {
	t.Helper()
	o := harness.Run(t, append([]string{"queue", "--admin", c.Admin["listen"].(string)}, args...)...)
	if o.Code != 0 {
		t.Fatalf("queue %v: exit code %d, %s", args, o.Code, o.Stderr)
	}
	return o.Stdout
}

// A receiver that refuses is tried again; then the file is given up, with the reason; and
// a retry by hand brings it back.
func TestForwardGivesUp(t *testing.T) {
	t.Parallel()
	to := startDrop(t, nil) // read-only
	f := forwarding{
		dir: harness.Directory(t), after: "delete", to: []string{"http://" + to.Address(t, "files") + "/"},
		edit: func(_ harness.Table, forwards []harness.Table) { forwards[0]["give_up_after"] = "4s" },
	}
	plantFile(t, filepath.Join(f.dir, "sub", "a"), []byte("a"), 0o644, time.Unix(1, 0))
	c := f.config(t)
	r := harness.Start(t, c)
	r.Message(t, "given up")
	reason := filepath.Join(f.dir, "failed", "sub", "a.reason")
	harness.Eventually(t, "the file among the failed", func() (bool, any) {
		left := snapshotFiles(f.dir)
		return len(left) == 2 && left["failed/sub/a"] != "", left
	})
	if text, err := os.ReadFile(reason); err != nil || !strings.Contains(string(text), "read-only") {
		t.Errorf("the reason is %q, %v", text, err)
	}
	var items []struct{ Drop, Path, To, State, Error string }
	if err := json.Unmarshal([]byte(queue(t, c, "list", "--json")), &items); err != nil || len(items) != 1 ||
		items[0].Path != "sub/a" || items[0].State != "failed" || !strings.Contains(items[0].Error, "read-only") {
		t.Errorf("the queue is %+v, %v", items, err)
	}
	if said := queue(t, c, "retry", "out"); !strings.HasPrefix(said, "1 ") {
		t.Errorf("retry says %q", said)
	}
	r.Line(t, "another try", func(l harness.Line) bool {
		return l.Message == "not forwarded; trying again" && l.Field("file") == "sub/a" && l.Field("tries") == 1.0
	})
	harness.Eventually(t, "it is dropped", func() (bool, any) { // it may have been given up again before
		queue(t, c, "retry", "out")
		o := harness.Run(t, "queue", "--admin", c.Admin["listen"].(string), "drop", "out", "sub/a")
		return o.Code == 0 && strings.HasPrefix(o.Stdout, "1 "), o
	})
	if o := harness.Run(t, "queue", "--admin", c.Admin["listen"].(string), "drop", "out", "nope"); o.Code != 1 || !strings.Contains(o.Stderr, "no such file") {
		t.Errorf("exit code %d, %s", o.Code, o.Stderr)
	}
	status := harness.Run(t, "status", "--admin", c.Admin["listen"].(string))
	if !strings.Contains(status.Stdout, "FORWARD") {
		t.Errorf("the status is\n%s", status.Stdout)
	}
}

// startLoop starts A, in which files are planted, and B, which forward to each other.
func startLoop(t *testing.T, plant func(dir string)) (ra *harness.Relay, b forwarding) {
	t.Helper()
	a, b := forwarding{dir: harness.Directory(t), listen: []string{"127.0.0.1:0"}}, forwarding{dir: harness.Directory(t), listen: []string{"127.0.0.1:0"}}
	forth := flaky(t, "", 0, 0, 1)
	b.to = []string{"http://" + forth.Address + "/back/"}
	rb := harness.Start(t, b.config(t))
	a.to = []string{"http://" + rb.Address(t, "out") + "/"}
	plant(a.dir)
	ra = harness.Start(t, a.config(t))
	forth.Target(ra.Address(t, "out"))
	return ra, b
}

// A → B → A ends at A.
func TestForwardLoop(t *testing.T) {
	t.Parallel()
	ra, b := startLoop(t, func(dir string) {
		plantFile(t, filepath.Join(dir, "file"), []byte("round and round"), 0o644, time.Unix(1, 0))
	})
	ra.Line(t, "the loop", func(l harness.Line) bool {
		return strings.Contains(l.Message, "a loop of forwards") && l.Field("file") == "back/file"
	})
	if got := snapshotFiles(b.dir); len(got) != 1 {
		t.Errorf("B has %v", got)
	}
}

// A file that cannot be read is tried again by itself, and keeps no other from going.
func TestForwardUnreadable(t *testing.T) {
	t.Parallel()
	to := startDrop(t, writable)
	f := forwarding{dir: harness.Directory(t), to: []string{"http://" + to.Address(t, "files") + "/"}}
	secret := filepath.Join(f.dir, "secret")
	plantFile(t, secret, []byte("x"), 0, time.Unix(1, 0))
	r := harness.Start(t, f.config(t), harness.Options{Unprivileged: true})
	r.Line(t, "word of it", func(l harness.Line) bool {
		return l.Message == "not forwarded; trying again" && l.Field("file") == "secret" && strings.Contains(l.Raw, "permission denied")
	})
	for i := range 3 {
		name := fmt.Sprint(i)
		plantFile(t, filepath.Join(f.dir, name), []byte("y"), 0o644, time.Unix(1, 0))
		to.Line(t, name, func(l harness.Line) bool { return l.Message == "arrived" && l.Field("file") == name })
	}
	for _, l := range r.Journal.Lines() {
		if strings.Contains(l.Message, "all wait") {
			t.Errorf("because of one file: %s", l.Raw)
		}
	}
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	eventuallySame(t, to.dir, f.dir)
}

// Without its token a forward waits, and says why.
func TestForwardTokenMissing(t *testing.T) {
	t.Parallel()
	to := startDrop(t, writable)
	token := filepath.Join(harness.Directory(t), "token")
	plantFile(t, token, []byte("t"), 0o644, time.Unix(1, 0))
	f := forwarding{
		dir: harness.Directory(t), to: []string{"http://" + to.Address(t, "files") + "/"},
		edit: func(_ harness.Table, forwards []harness.Table) { forwards[0]["token_file"] = token },
	}
	r := harness.Start(t, f.config(t))
	if err := os.Rename(token, token+".away"); err != nil {
		t.Fatal(err)
	}
	plantFile(t, filepath.Join(f.dir, "a"), []byte("y"), 0o644, time.Unix(1, 0))
	r.Line(t, "word of it", func(l harness.Line) bool { return l.Level == "warn" && strings.Contains(l.Raw, "token_file") })
	r.Quiet(t)
	if err := os.Rename(token+".away", token); err != nil {
		t.Fatal(err)
	}
	eventuallySame(t, to.dir, f.dir)
}

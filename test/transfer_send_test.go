package test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// writable is an edit that lets files be put into the drop.
func writable(_ *harness.Config, d harness.Table) { d["write"] = true }

// stateFlag is a flag that keeps the notes of unfinished uploads to the test.
func stateFlag(t testing.TB) string { return "--state=" + t.TempDir() }

// A tree arrives with every byte, name, mode and time, its empty directories too; a second
// time nothing is sent; links are left out, and named.
func TestSendTree(t *testing.T) {
	t.Parallel()
	r := startDrop(t, writable)
	small := 2000
	if harness.Full {
		small = 20_000
	} else if testing.Short() {
		small = 300
	}
	from := filepath.Join(t.TempDir(), "from")
	plant(t, from, small)
	url := "http://" + r.Address(t, "files") + "/tree"
	m := transferAll(t, "send", "-r", "-j8", stateFlag(t), from, url)
	sameTree(t, filepath.Join(r.dir, "tree"), from)
	wantNoParts(t, r.dir)
	if m.Bytes != m.BytesMoved {
		t.Errorf("moved %d bytes of %d", m.BytesMoved, m.Bytes)
	}
	if again := transferAll(t, "send", "-r", stateFlag(t), from+"/", url+"/"); again.BytesMoved != 0 || again.Files != m.Files {
		t.Errorf("the second time: %+v, the first %+v", again, m)
	}
	if err := os.Symlink("two words", filepath.Join(from, "link")); err != nil {
		t.Fatal(err)
	}
	o := harness.Run(t, "send", "-r", stateFlag(t), from+"/", url+"/")
	if o.Code != 0 || !strings.Contains(o.Stderr, "link: it is a symbolic link") {
		t.Errorf("exit code %d, %s", o.Code, o.Stderr)
	}
	transferAll(t, "send", "-r", "-L", stateFlag(t), from+"/", url+"/")
	if got, err := os.ReadFile(filepath.Join(r.dir, "tree", "link")); err != nil || len(got) != 4096 {
		t.Errorf("the link arrived as %d bytes, %v", len(got), err)
	}
}

// Where files go: with their names into a directory, or under a name.
func TestSendPlaces(t *testing.T) {
	t.Parallel()
	r := startDrop(t, writable)
	url := "http://" + r.Address(t, "files")
	from := t.TempDir()
	at := time.Unix(1700000000, 0)
	plantFile(t, filepath.Join(from, "a b"), []byte("content"), 0o640, at)
	plantFile(t, filepath.Join(from, "d", "c"), []byte("c"), 0o600, at)
	transferAll(t, "send", stateFlag(t), filepath.Join(from, "a b"), filepath.Join(from, "d", "c"), url+"/in/to/")
	transferAll(t, "send", stateFlag(t), filepath.Join(from, "a b"), url+"/other%20name")
	transferAll(t, "send", "-r", stateFlag(t), filepath.Join(from, "d"), url+"/into/")
	transferAll(t, "send", "-r", stateFlag(t), filepath.Join(from, "d")+"/", url+"/")
	for name, want := range map[string]string{"in/to/a b": "content", "in/to/c": "c", "other name": "content", "into/d/c": "c", "c": "c"} {
		if got, err := os.ReadFile(filepath.Join(r.dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	info, err := os.Stat(filepath.Join(r.dir, "other name"))
	if err != nil || info.Mode() != 0o640 || !info.ModTime().Equal(at) {
		t.Errorf("it arrived as %v, %v", info, err)
	}
}

// Connections that are cut at random do not matter, and nothing is seen half.
func TestSendOverABadNetwork(t *testing.T) {
	t.Parallel()
	r := startDrop(t, writable)
	from := filepath.Join(t.TempDir(), "from")
	plant(t, from, 300)
	plantFile(t, filepath.Join(from, "big"), bytesOf(99, 20_000_000), 0o644, time.Unix(1, 5))
	for seed := range uint64(3) {
		f := flaky(t, r.Address(t, "files"), seed, 30, 3_000_000)
		to := fmt.Sprintf("/tree%d/", seed)
		m := transferAll(t, "send", "-r", stateFlag(t), from+"/", "http://"+f.Address+to)
		sameTree(t, filepath.Join(r.dir, to), from)
		if f.Cut() < 10 {
			t.Errorf("only %d connections were cut", f.Cut())
		}
		// What the kernel had taken when a connection was cut counts as moved: a few
		// megabytes each time, but never the whole file.
		if over := m.BytesMoved - m.Bytes; over > 200_000_000 {
			t.Errorf("%d bytes went twice", over)
		}
	}
}

// A bit that is turned around on the way is found, and the file sent again.
func TestSendOverANetworkThatDamages(t *testing.T) {
	t.Parallel()
	r := startDrop(t, writable)
	from := t.TempDir()
	for name, size := range map[string]int{"large": 5_000_000, "small": 60_000} {
		content := bytesOf(7, size)
		plantFile(t, filepath.Join(from, name), content, 0o644, time.Unix(1, 0))
		f, err := peer.Flipping(r.Address(t, "files"), 1, int64(size)/2, true)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.Close)
		o, _ := transfer(t, "send", "-f", stateFlag(t), filepath.Join(from, name), "http://"+f.Address+"/")
		if o.Code != 0 || f.Flipped() != 1 || !strings.Contains(o.Stdout, "damaged on the way") {
			t.Errorf("%s: exit code %d, %d bits flipped\n%s%s", name, o.Code, f.Flipped(), o.Stdout, o.Stderr)
		}
		if got, err := os.ReadFile(filepath.Join(r.dir, name)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s arrived as %d bytes, %v", name, len(got), err)
		}
	}
}

// The same the other way: what is fetched is compared with the drop's digest.
func TestGetOverANetworkThatDamages(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	to := t.TempDir()
	for name, size := range map[string]int{"large": 5_000_000, "small": 60_000} {
		content := bytesOf(7, size)
		r.file(t, name, content)
		f, err := peer.Flipping(r.Address(t, "files"), 1, int64(size)/2, false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.Close)
		o, _ := transfer(t, "get", "http://"+f.Address+"/"+name, to)
		if o.Code != 0 || f.Flipped() != 1 || !strings.Contains(o.Stdout, "damaged on the way") {
			t.Errorf("%s: exit code %d, %d bits flipped\n%s%s", name, o.Code, f.Flipped(), o.Stdout, o.Stderr)
		}
		if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s arrived as %d bytes, %v", name, len(got), err)
		}
	}
	wantNoParts(t, to)
}

// What is wrong is said, with what to do; the rest is sent all the same.
func TestSendErrors(t *testing.T) {
	t.Parallel()
	r := startDrop(t, func(c *harness.Config, d harness.Table) {
		writable(c, d)
		d["file_size_max"] = "1MB"
		d["on_conflict"] = "fail"
		c.Drops = append(c.Drops, harness.Table{"name": "read", "listen": []string{"127.0.0.1:0"}, "directory": d["directory"]})
	})
	url, readOnly := "http://"+r.Address(t, "files"), "http://"+r.Address(t, "read")
	from := t.TempDir()
	at := time.Unix(1, 0)
	a, big := filepath.Join(from, "a"), filepath.Join(from, "big")
	plantFile(t, a, []byte("a"), 0o644, at)
	plantFile(t, big, make([]byte, 1_100_000), 0o644, at)
	plantFile(t, filepath.Join(r.dir, "taken"), []byte("other"), 0o644, at)
	if err := syscall.Mkfifo(filepath.Join(from, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{a}, 2, "requires at least 2 arg"},
		{[]string{a, "dir"}, 2, "the last word must be a URL"},
		{[]string{filepath.Join(from, "nope"), url + "/"}, 1, "no such file"},
		{[]string{from, url + "/"}, 1, "--recursive (-r)"},
		{[]string{a, big, url + "/x"}, 1, "need a directory"},
		{[]string{filepath.Join(from, "fifo"), url + "/"}, 1, "relay send - URL"},
		{[]string{"-", url + "/"}, 1, "has no name"},
		{[]string{big, url + "/"}, 1, "413"},
		{[]string{a, readOnly + "/"}, 1, "read-only"},
		{[]string{a, url + "/taken"}, 1, "there is a file of this name"},
		{[]string{a, url + "/.relay-x"}, 1, "the drop's own"},
		{[]string{"-r", from, url + "/t/"}, 3, "413"},
		{[]string{"--give-up-after", "300ms", a, "http://127.0.0.1:1/"}, 1, "connection refused"},
	} {
		o := harness.Run(t, append([]string{"send", stateFlag(t)}, c.args...)...)
		if o.Code != c.code || !strings.Contains(o.Stderr, c.says) {
			t.Errorf("%v: exit code %d, want %d and %q:\n%s", c.args, o.Code, c.code, c.says, o.Stderr)
		}
	}
	if got, err := os.ReadFile(filepath.Join(r.dir, "taken")); err != nil || string(got) != "other" {
		t.Errorf("the file that was there is %q, %v", got, err)
	}
}

// What cannot be sent at all leaves no note of an upload behind.
func TestSendRefusedLeavesNoNote(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil) // read-only
	from, state := t.TempDir()+"/large", t.TempDir()
	plantFile(t, from, bytesOf(1, 3_000_000), 0o644, time.Unix(1, 0))
	if o := harness.Run(t, "send", "--state", state, from, "http://"+r.Address(t, "files")+"/"); o.Code != 1 || !strings.Contains(o.Stderr, "read-only") {
		t.Error(o)
	}
	if left := snapshotFiles(state); len(left) != 0 {
		t.Error("left:", left)
	}
}

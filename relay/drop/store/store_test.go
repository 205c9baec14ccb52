package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

func TestPublish(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		check := r.wantDescriptors()
		done, err := r.put("a/b/c.txt", "one", Terms{Mtime: time.Unix(1234567890, 5), Mode: 0o640})
		if err != nil || done.Path != "a/b/c.txt" || done.Replaced {
			t.Fatalf("%+v, %v", done, err)
		}
		r.want(map[string]string{"a/b/c.txt": "one"})
		info, err := os.Stat(filepath.Join(r.dir, "a/b/c.txt"))
		if err != nil || info.Mode() != 0o640 || info.ModTime().UnixNano() != 1234567890*1e9+5 {
			t.Errorf("mode %v, time %v", info.Mode(), info.ModTime().UnixNano())
		}
		if done, err = r.put("a/b/c.txt", "two", Terms{}); err != nil || !done.Replaced {
			t.Fatalf("%+v, %v", done, err)
		}
		r.want(map[string]string{"a/b/c.txt": "two"})
		check()
	})
}

func TestConflicts(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		for i, want := range []string{"d/a.tar.gz", "d/a.tar (1).gz", "d/a.tar (2).gz"} {
			done, err := r.put("d/a.tar.gz", want, Terms{Conflict: KeepBoth})
			if err != nil || done.Path != want || done.Replaced {
				t.Fatalf("%d: %+v, %v", i, done, err)
			}
		}
		if _, err := r.put("d/a.tar.gz", "x", Terms{Conflict: Fail}); err != ErrExists {
			t.Errorf("fail: %v", err)
		}
		no := Terms{Holds: func(exists bool, _ sock.FileInfo) bool { return !exists }}
		if _, err := r.put("d/a.tar.gz", "x", no); err != ErrPrecondition {
			t.Errorf("a condition: %v", err)
		}
		if _, err := r.put("d/new", "new", no); err != nil {
			t.Errorf("a condition that holds: %v", err)
		}
		if _, err := r.put("d", "x", Terms{}); err != ErrDirectory {
			t.Errorf("a directory's name: %v", err)
		}
		if _, err := r.put("d/new/x", "x", Terms{}); err != ErrParent {
			t.Errorf("below a file: %v", err)
		}
		r.want(map[string]string{
			"d/a.tar.gz": "d/a.tar.gz", "d/a.tar (1).gz": "d/a.tar (1).gz", "d/a.tar (2).gz": "d/a.tar (2).gz", "d/new": "new",
		})
	})
}

func TestNames(t *testing.T) {
	r := newRig(t)
	long := strings.Repeat("x", 255)
	for _, name := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", ".relay-x", "a/.relay-x/b", "a\x00b", long + "x"} {
		if _, err := r.put(name, "x", Terms{}); err != ErrName {
			t.Errorf("%.40q: %v", name, err)
		}
	}
	r.want(nil)
	want := map[string]string{}
	for _, name := range []string{"a b", "...", "-", "\xff\xfe", "a\nb", "\\", "a:b", long, ".relay", "x.relay-y"} {
		if _, err := r.put(name, name, Terms{}); err != nil {
			t.Errorf("%.40q: %v", name, err)
		}
		want[name] = name
	}
	r.want(want)
	for n, want := range map[string]string{
		"a": "a (1)", "a.b": "a (1).b", ".a": ".a (1)", long: long[:251] + " (1)",
		long[:251] + ".txt": long[:247] + " (1).txt", "a." + long[:100]: "a." + long[:100] + " (1)",
	} {
		if got := numbered(n, 1); got != want {
			t.Errorf("numbered(%.20q) is %.20q", n, got)
		}
	}
}

// Symbolic links lead as far as the directory goes, and a name that is a link's is
// replaced, not what it leads to.
func TestLinks(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		outside := t.TempDir()
		for name, to := range map[string]string{"out": outside, "up": "..", "in": "sub/deep", "loop": "loop", "file": outside + "/f"} {
			if err := os.Symlink(to, filepath.Join(r.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.put("sub/deep/a", "a", Terms{}); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"out/x", "up/x", "out/new/x", "loop/x"} {
			if _, err := r.put(path, "x", Terms{}); err != ErrAway {
				t.Errorf("%s: %v", path, err)
			}
		}
		if _, err := r.put("in/b/c", "c", Terms{}); err != nil {
			t.Error(err)
		}
		if _, err := r.put("file", "whole", Terms{}); err != nil {
			t.Error(err)
		}
		if all, _ := os.ReadDir(outside); len(all) != 0 {
			t.Errorf("outside there is %v", all)
		}
		for path, want := range map[string]string{"sub/deep/b/c": "c", "file": "whole"} {
			if got, err := os.ReadFile(filepath.Join(r.dir, path)); string(got) != want {
				t.Errorf("%s: %q, %v", path, got, err)
			}
		}
	})
}

// Whatever fails, nothing is visible but what was before, and no descriptor stays.
func TestFailures(t *testing.T) {
	failing := func(n int, errno sock.Errno, call func(int) sock.Errno) func(int) sock.Errno {
		return func(fd int) sock.Errno {
			if n--; n == 0 {
				return errno
			}
			return call(fd)
		}
	}
	for name, fault := range map[string]func(*calls){
		"fsync of the file":      func(c *calls) { c.sync = failing(1, unix.EIO, c.sync) },
		"fsync of a new parent":  func(c *calls) { c.sync = failing(2, unix.EIO, c.sync) },
		"fsync of the directory": func(c *calls) { c.sync = failing(3, unix.EIO, c.sync) },
		"link":                   func(c *calls) { c.link = func(int, int, string) sock.Errno { return unix.ENOSPC } },
		"rename":                 func(c *calls) { c.rename = func(int, string, string) sock.Errno { return unix.EIO } },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if _, err := r.put("old", "old", Terms{}); err != nil {
				t.Fatal(err)
			}
			check := r.wantDescriptors()
			kernel := r.calls
			fault(&r.calls)
			path := "sub/new"
			if name == "rename" {
				path = "old"
			}
			var errno sock.Errno
			if _, err := r.put(path, "new", Terms{}); !errors.As(err, &errno) {
				t.Errorf("published with %v", err)
			}
			r.want(map[string]string{"old": "old"})
			check()
			r.calls = kernel
			if _, err := r.put(path, "new", Terms{}); err != nil {
				t.Error(err)
			}
		})
	}
	r := newRig(t)
	r.calls.reserve = func(int, int64) sock.Errno { return unix.ENOSPC }
	check := r.wantDescriptors()
	if _, err := r.Begin("a", 10<<20); !sock.MemoryFileSystem(r.dirOf()) && err != sock.Errno(unix.ENOSPC) {
		t.Errorf("no space: %v", err)
	}
	check()
}

func (r *rig) dirOf() int { return r.Store.dir }

func TestAbandon(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		check := r.wantDescriptors()
		p, err := r.Begin("a", 3)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(p.FD, []byte("abc")); err != nil {
			t.Fatal(err)
		}
		p.Abandon()
		r.want(nil)
		check()
	})
}

// Many publish one name at once under a condition that holds for one of them.
func TestOneOfManyPublishes(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		var all sync.WaitGroup
		const many = 16
		errs := make([]error, many)
		terms := Terms{Holds: func(exists bool, _ sock.FileInfo) bool { return !exists }}
		for i := range many {
			all.Go(func() { _, errs[i] = r.put("a", strings.Repeat("x", i), terms) })
		}
		all.Wait()
		won := slices.Index(errs, nil)
		for i, err := range errs {
			if i != won && err != ErrPrecondition {
				t.Errorf("%d ended with %v", i, err)
			}
		}
		if won < 0 {
			t.Fatal("nobody won")
		}
		r.want(map[string]string{"a": strings.Repeat("x", won)})
	})
}

// What a killed process leaves is swept; what others are at, and what has a state, stays.
func TestSweep(t *testing.T) {
	r := newRig(t)
	left := func(path string) {
		full := filepath.Join(r.dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left(".relay-1.part")
	left("a/b/.relay-2.part")
	left("a/.relay-3.part")
	left("a/file")
	if err := r.SaveState("3", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	left(".relay-uploads/4.new")
	r.began = time.Now().Add(time.Second)
	r.unnamed()
	p, err := r.Begin("a/new", 1)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	c, err := r.Sweep(func(s Seen) { seen = append(seen, s.Path) }, func() bool { return false })
	if err != nil || c.Strays != 3 || c.Files != 1 || c.Bytes != 8 || !slices.Equal(seen, []string{"a/file"}) {
		t.Errorf("%+v, %v, seen %v", c, err, seen)
	}
	if _, err := p.Publish(Terms{}); err != nil {
		t.Error(err)
	}
	r.want(map[string]string{"a/.relay-3.part": "left", "a/file": "left", "a/new": "", ".relay-uploads/3": "{}"})
}

// Space that was reserved for an upload when the process was killed is given back, with no
// byte of what had come, when the directory is swept or it goes on; not that of an upload that
// somebody is at.
func TestReservedSpaceIsGivenBack(t *testing.T) {
	r := newRig(t)
	reserves := !sock.MemoryFileSystem(r.dirOf())
	const large, came = 16 << 20, 3000
	blocks := func(p *Partial) (bytes int64) {
		var st unix.Stat_t
		if err := unix.Fstat(p.FD, &st); err != nil || st.Size != came {
			t.Errorf("%d bytes, %v", st.Size, err)
		}
		return st.Blocks * 512
	}
	parts := map[string]*Partial{}
	for _, id := range []string{"killed", "used", "again"} {
		p, err := r.BeginNamed("d/"+id, id, large)
		if err == nil {
			_, err = unix.Write(p.FD, make([]byte, came))
		}
		if err == nil {
			err = r.SaveState(id, []byte("{}"))
		}
		if err != nil {
			t.Fatal(err)
		}
		parts[id] = p
		defer p.close()
	}
	for _, id := range []string{"killed", "again"} {
		if err := unix.Flock(parts[id].FD, unix.LOCK_UN); err != nil { // as the end of a process does
			t.Fatal(err)
		}
	}
	p, size, err := r.Reopen("d/again", "again")
	if err != nil || size != came {
		t.Fatalf("%d bytes, %v", size, err)
	}
	defer p.close()
	if after := blocks(p); after > 64<<10 {
		t.Errorf("%d bytes are reserved for an upload that goes on", after)
	}
	r.began = time.Now().Add(time.Second)
	before := blocks(parts["killed"])
	if _, err := r.Sweep(nil, func() bool { return false }); err != nil {
		t.Fatal(err)
	}
	if before < large && reserves {
		t.Errorf("%d bytes were reserved", before)
	}
	if after := blocks(parts["killed"]); after > 64<<10 {
		t.Errorf("%d bytes are reserved for an upload that rests", after)
	}
	if after := blocks(parts["used"]); after != before {
		t.Errorf("%d bytes are reserved for one that somebody is at, %d before", after, before)
	}
}

// What is as old as the store is not swept: somebody may be about to lock it. What seems
// to come from the future was there before the clock was set back.
func TestSweepAndTheClock(t *testing.T) {
	for _, c := range []struct {
		began time.Duration // from now
		stays bool
	}{{time.Hour, false}, {-time.Hour, true}} {
		r := newRig(t)
		path := filepath.Join(r.dir, ".relay-1.part")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		r.began = time.Now().Add(c.began)
		if _, err := r.Sweep(nil, func() bool { return false }); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); (err == nil) != c.stays {
			t.Errorf("began %v from now: %v", c.began, err)
		}
	}
	var st unix.Stat_t
	st.Ctim.Sec = time.Now().Add(24 * time.Hour).Unix()
	if s := New(-1, false); s.young(&st) {
		t.Error("a file of tomorrow is young")
	}
}

// An upload outlives whoever fills it, and is found again when it was published.
func TestNamedPartials(t *testing.T) {
	r := newRig(t)
	check := r.wantDescriptors()
	p, err := r.BeginNamed("d/a", "id1", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(p.FD, []byte("abcdef")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Reopen("d/a", "id1"); err == nil {
		t.Error("opened by two")
	}
	if err := r.SaveState("id1", []byte("state")); err != nil {
		t.Fatal(err)
	}
	p.Suspend()
	if _, ok := r.FindMarked("d/a", "id1"); ok {
		t.Error("published already")
	}
	looks, err := unix.Open(filepath.Join(r.dir, "d", partName("id1")), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil || unix.Flock(looks, unix.LOCK_EX) != nil {
		t.Fatal("the lock of one who only looks", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { unix.Close(looks) })
	p, size, err := r.Reopen("d/a", "id1")
	if err != nil || size != 6 {
		t.Fatal(size, err)
	}
	if err := errors.Join(p.Cut(3), p.Sync()); err != nil {
		t.Error(err)
	}
	if _, err := r.put("d/a", "first", Terms{}); err != nil {
		t.Fatal(err)
	}
	if done, err := p.Publish(Terms{Conflict: KeepBoth}); err != nil || done.Path != "d/a (1)" {
		t.Fatal(done, err)
	}
	if done, ok := r.FindMarked("d/a", "id1"); !ok || done.Path != "d/a (1)" || done.Info.Size != 3 {
		t.Errorf("found %+v, %v", done, ok)
	}
	if _, _, err := r.Reopen("d/a", "id1"); err != ErrNotFound {
		t.Errorf("opened again: %v", err)
	}
	if ids, err := r.States(); err != nil || !slices.Equal(ids, []string{"id1"}) {
		t.Error(ids, err)
	}
	r.DropState("id1")
	if _, err := r.LoadState("id1"); err != ErrNotFound {
		t.Error(err)
	}
	r.want(map[string]string{"d/a": "first", "d/a (1)": "abc"})
	check()
}

// A name that could not be made durable is taken back, but not from a file that has got it
// since.
func TestPublishUndoneLeavesOthers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := New(r.Store.dir, false) // as of a drop that a reload has made
	r.calls.sync = func(fd int) sock.Errno {
		if info, errno := sock.Info(fd, true); errno != 0 || info.Mode&unix.S_IFMT != unix.S_IFDIR {
			return errno
		}
		if _, err := (&rig{other, t, r.dir}).put("x", "another", Terms{}); err != nil {
			t.Error(err)
		}
		return unix.EIO
	}
	if _, err := r.put("x", "content", Terms{}); err != sock.Errno(unix.EIO) {
		t.Errorf("%v", err)
	}
	if got, err := os.ReadFile(filepath.Join(r.dir, "x")); string(got) != "another" {
		t.Errorf("there is %q, %v", got, err)
	}
}

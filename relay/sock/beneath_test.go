package sock

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tree is a directory with files, directories and links of every kind, and what is
// beside it.
func tree(t *testing.T) int {
	t.Helper()
	top := t.TempDir()
	inside := filepath.Join(top, "inside")
	for _, dir := range []string{"a/b/c", "d"} {
		check(t, os.MkdirAll(filepath.Join(inside, dir), 0o755))
	}
	check(t, os.WriteFile(filepath.Join(top, "secret"), nil, 0o644))
	for _, file := range []string{"f", "a/f", "a/b/f", "a/b/c/f"} {
		check(t, os.WriteFile(filepath.Join(inside, file), []byte(file), 0o644))
	}
	for name, to := range map[string]string{
		"up": "..", "out": "../secret", "abs": "/etc/passwd", "deep": "a/b/c", "a/back": "../d", "a/b/over": "../../../secret",
		"d/f": "../a/b/f", "loop": "loop", "ping": "pong", "pong": "ping", "here": ".", "gone": "nowhere/f", "file": "f", "slash": "a/b/",
		"fslash": "f/", "chain": "chain1", "chain1": "a/back/f", "a/b/c/top": "../../../f", "proc": "/proc/self/root",
	} {
		check(t, os.Symlink(to, filepath.Join(inside, name)))
	}
	check(t, unix.Mkfifo(filepath.Join(inside, "fifo"), 0o644))
	fd, err := unix.Open(inside, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	check(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Step by step it is the same as openat2(2), for every name and however it is opened.
func TestStepwiseIsOpenat2(t *testing.T) {
	if !hasOpenat2() {
		t.Skip("no openat2 to compare with")
	}
	dir := tree(t)
	parts := []string{
		"a", "b", "c", "d", "f", ".", "..", "", "up", "out", "abs", "deep", "back", "over", "loop", "ping", "here", "gone",
		"file", "slash", "fslash", "chain", "top", "proc", "fifo", "nothing",
	}
	random := rand.New(rand.NewPCG(1, 2))
	names := append([]string{"", "/", "/etc", "a/b/c/f", "a/../a/b/f", "a\x00b", strings.Repeat("x", 300), strings.Repeat("a/../", 900) + "f"}, parts...)
	for range 3000 {
		var words []string
		for range 1 + random.IntN(5) {
			words = append(words, parts[random.IntN(len(parts))])
		}
		names = append(names, strings.Join(words, "/"))
	}
	for _, name := range names {
		for _, flags := range []int{
			unix.O_PATH, unix.O_PATH | unix.O_DIRECTORY, unix.O_RDONLY | unix.O_NONBLOCK, unix.O_RDONLY | unix.O_DIRECTORY,
			unix.O_PATH | unix.O_NOFOLLOW, unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOFOLLOW,
		} {
			compareOpens(t, dir, name, flags)
		}
	}
}

func compareOpens(t *testing.T, dir int, name string, flags int) {
	t.Helper()
	want, wantErr := OpenBeneath(dir, name, flags, false)
	got, gotErr := openStepwise(dir, name, flags)
	if gotErr != wantErr {
		t.Errorf("%.80q, flags %#x: %v, openat2 says %v", name, flags, error(gotErr), error(wantErr))
	}
	if want < 0 || got < 0 {
		return
	}
	var a, b unix.Stat_t
	check(t, unix.Fstat(want, &a))
	check(t, unix.Fstat(got, &b))
	if a.Ino != b.Ino || a.Dev != b.Dev {
		t.Errorf("%.80q, flags %#x: opened another file", name, flags)
	}
	unix.Close(want)
	unix.Close(got)
}

// It closes what it held on the way.
func TestStepwiseLeavesNothingOpen(t *testing.T) {
	dir := tree(t)
	count := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		check(t, err)
		return len(all)
	}
	before := count()
	for _, name := range []string{"a/b/c/f", "a/b/../../d/f", "a/b/over", "loop", "a/b/nothing", "a/f/x"} {
		if fd, errno := openStepwise(dir, name, unix.O_RDONLY); errno == 0 {
			unix.Close(fd)
		}
	}
	if now := count(); now != before {
		t.Errorf("%d descriptors, %d before", now, before)
	}
}

package test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// moved is what `relay get --json` and `relay send --json` say at their end.
type moved struct {
	Event       string `json:"event"`
	Files       int64  `json:"files"`
	FilesDone   int64  `json:"files_done"`
	FilesFailed int64  `json:"files_failed"`
	Bytes       int64  `json:"bytes"`
	BytesMoved  int64  `json:"bytes_moved"`
}

// transfer runs get or send to its end and returns its summary, too.
func transfer(t testing.TB, args ...string) (harness.Outcome, moved) {
	t.Helper()
	o := harness.Run(t, append([]string{args[0], "--json"}, args[1:]...)...)
	var m moved
	lines := strings.Split(strings.TrimSpace(o.Stdout), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &m); err != nil || m.Event != "summary" {
		t.Fatalf("%v: exit code %d, no summary in %q\n%s", args, o.Code, o.Stdout, o.Stderr)
	}
	return o, m
}

// transferAll is transfer of what must succeed.
func transferAll(t testing.TB, args ...string) moved {
	t.Helper()
	o, m := transfer(t, args...)
	if o.Code != 0 || m.FilesFailed != 0 || m.FilesDone != m.Files {
		t.Fatalf("%v: exit code %d, %+v\n%s", args, o.Code, m, o.Stderr)
	}
	return m
}

// transferring is a get or send that runs.
type transferring struct {
	*exec.Cmd
	out *os.File
}

// begin starts get or send; the test ends it.
func begin(t testing.TB, args ...string) *transferring {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(harness.Binary(), append([]string{args[0], "--json"}, args[1:]...)...)
	c.Stdout, c.Stderr = out, out
	if err := harness.Spawn(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		out.Close()
	})
	return &transferring{c, out}
}

// kill ends it at once.
func (c *transferring) kill(t testing.TB) {
	t.Helper()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // killed
}

// wait returns its exit code.
func (c *transferring) wait(t testing.TB) int {
	t.Helper()
	overdue := time.AfterFunc(harness.Patience, func() { _ = c.Process.Kill() })
	defer overdue.Stop()
	_ = c.Wait() // the code tells
	if code := c.ProcessState.ExitCode(); code >= 0 {
		return code
	}
	t.Fatalf("it did not end:\n%s", c.said())
	return -1
}

// said is all it has printed.
func (c *transferring) said() string {
	text, _ := os.ReadFile(c.out.Name())
	return string(text)
}

// snapshot describes everything in a tree but what is hidden as relay's own: kinds,
// modes, times, sizes and content.
func snapshot(t testing.TB, dir string, withTimes bool) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch hidden := strings.HasPrefix(e.Name(), ".relay-"); {
		case hidden && e.IsDir():
			return fs.SkipDir
		case name == ".", hidden:
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		if withTimes {
			text += " " + info.ModTime().UTC().Format(time.RFC3339Nano)
		}
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			hash := sha256.Sum256(content)
			text += fmt.Sprintf(" %d %s", len(content), hex.EncodeToString(hash[:8]))
		}
		found[name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sameTree compares two trees.
func sameTree(t testing.TB, got, want string) {
	t.Helper()
	is, ought := snapshot(t, got, true), snapshot(t, want, true)
	wrong := 0
	for name, text := range ought {
		if is[name] != text && wrong < 10 {
			t.Errorf("%q is %q, want %q", name, is[name], text)
			wrong++
		}
	}
	for name := range is {
		if ought[name] == "" && wrong < 10 {
			t.Errorf("%q should not be there", name)
			wrong++
		}
	}
}

// wantNoParts checks that nothing half is left over.
func wantNoParts(t testing.TB, dir string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch hidden := err == nil && strings.HasPrefix(e.Name(), ".relay-"); {
		case hidden && e.IsDir(): // what a drop remembers of uploads that are complete
			return fs.SkipDir
		case hidden:
			t.Errorf("%s is left over", path)
		}
		return nil
	})
}

// plant makes a tree with names, sizes, modes and times of all sorts, and so many small
// files more.
func plant(t testing.TB, dir string, small int) {
	t.Helper()
	at := time.Date(2021, 2, 3, 4, 5, 6, 789_000_123, time.UTC)
	names := []string{
		"one", "two words", "sub/three", "sub/deep/er/four", "ünïcödé", "\xff\xfe", "a:b?c#d%41", "-dash", "..dots",
		"new\nline", "quote\"'", "zero", strings.Repeat("n", 255),
	}
	sizes := []int{1, 4096, 65536, 65537, 1<<20 + 1, 3_000_000, 100, 17, 0, 5, 6, 0, 7}
	for i, name := range names {
		plantFile(t, filepath.Join(dir, name), bytesOf(uint64(i), sizes[i]), fs.FileMode(0o400|i*0o11&0o377), at.Add(-time.Duration(i)*time.Hour))
	}
	for i := range small {
		plantFile(t, filepath.Join(dir, "many", fmt.Sprintf("%02d", i/100), fmt.Sprintf("f%05d", i)), bytesOf(uint64(1000+i), 100+i%5000), 0o644, at)
	}
	for _, empty := range []string{"empty", "sub/empty/more"} {
		if err := os.MkdirAll(filepath.Join(dir, empty), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "sub/deep"), 0o711); err != nil {
		t.Fatal(err)
	}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && path != dir {
			err = os.Chtimes(path, at, at)
		}
		if err != nil {
			t.Error(err)
		}
		return nil
	})
}

func plantFile(t testing.TB, path string, content []byte, mode fs.FileMode, at time.Time) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err == nil {
		err = os.Chtimes(path, at, at)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// flaky is a proxy that cuts connections to an address.
func flaky(t testing.TB, target string, seed uint64, cuts int, most int64) *peer.Fault {
	t.Helper()
	f, err := peer.Flaky(target, seed, cuts, most)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// hashOf is short enough to be shown.
func hashOf(b []byte) []byte {
	hash := sha256.Sum256(b)
	return hash[:8]
}

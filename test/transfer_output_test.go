package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/test/harness"
	"relay/test/peer"
)

// `relay get -o`: one file under a name of its own, or to standard output.

// withDigest is an edit of a drop that keeps a digest of what it is sent.
func withDigest(c *harness.Config, d harness.Table) {
	writable(c, d)
	d["digest"] = "xxh3-128"
}

// Standard output gets every byte once, in order and nothing else, also over connections
// that are cut; what happens is told on standard error.
func TestGetToStandardOutput(t *testing.T) {
	t.Parallel()
	r := startDrop(t, withDigest)
	for name, size := range map[string]int{"none": 0, "short": 17, "long": 12_000_000} {
		content := bytesOf(5, size)
		r.send(t, "/"+name, content).want(t, 201, []byte{})
		f := flaky(t, r.Address(t, "files"), uint64(size), 8, 3_000_000)
		for _, flags := range [][]string{nil, {"--json"}, {"-q", "--digest", "none"}} {
			o := harness.Run(t, append([]string{"get", "http://" + f.Address + "/" + name, "-o", "-"}, flags...)...)
			if o.Code != 0 || o.Stdout != string(content) {
				t.Errorf("%s %v: exit code %d, %d bytes %x, want %d %x\n%s", name, flags, o.Code, len(o.Stdout), hashOf([]byte(o.Stdout)), size, hashOf(content), o.Stderr)
			}
			if flags != nil && flags[0] == "--json" {
				wantDone(t, o.Stderr, size)
			}
		}
		if size > 1000 && f.Cut() < 2 {
			t.Errorf("%s: only %d connections were cut", name, f.Cut())
		}
	}
}

// wantDone looks for the event of a file that was fetched and verified, among lines that are
// all JSON.
func wantDone(t *testing.T, lines string, size int) {
	t.Helper()
	found := false
	for line := range strings.Lines(lines) {
		var e struct {
			Event, Path, Digest string
			Size                int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		found = found || e.Event == "done" && e.Path == "-" && e.Size == size && strings.HasPrefix(e.Digest, "xxh3-128=")
	}
	if !found {
		t.Errorf("no event of %d bytes that are there in\n%s", size, lines)
	}
}

// What standard output has already cannot be taken back: a file that came damaged, was
// exchanged meanwhile, or could not be had to its end is a failure that says so.
func TestGetToStandardOutputFails(t *testing.T) {
	t.Parallel()
	r := startDrop(t, withDigest)
	const size = 30_000_000 // more than the buffers in between hold
	r.send(t, "/file", bytesOf(1, size)).want(t, 201, []byte{})
	fails := func(t *testing.T, c *harness.Outcome, says string) {
		t.Helper()
		if c.Code != 1 || !strings.Contains(c.Stderr, says) || strings.Contains(c.Stderr, "same command") {
			t.Errorf("exit code %d, want 1 and %q:\n%s", c.Code, says, c.Stderr)
		}
	}
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		f, err := peer.Flipping(r.Address(t, "files"), 1, size/2, false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.Close)
		o := harness.Run(t, "get", "http://"+f.Address+"/file", "-o", "-")
		fails(t, &o, "must not be used")
	})
	t.Run("exchanged", func(t *testing.T) {
		t.Parallel()
		own := startDrop(t, withDigest)
		own.send(t, "/file", bytesOf(1, size)).want(t, 201, []byte{})
		f := flaky(t, own.Address(t, "files"), 0, 0, 1)
		c, out := beginStream(t, "http://"+f.Address+"/file")
		_, _ = io.CopyN(io.Discard, out, 100_000)
		next := startDrop(t, withDigest)
		next.send(t, "/file", bytesOf(2, size)).want(t, 201, []byte{})
		f.Target(next.Address(t, "files"))
		own.Signal(t, syscall.SIGKILL)
		n, _ := io.Copy(io.Discard, out)
		o := c.end(t)
		fails(t, &o, fmt.Sprintf("not the whole file: %d bytes of %d came", n+100_000, size))
	})
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		own := startDrop(t, withDigest)
		own.send(t, "/file", bytesOf(1, size)).want(t, 201, []byte{})
		c, out := beginStream(t, "http://"+own.Address(t, "files")+"/file", "--give-up-after", "1s")
		_, _ = io.CopyN(io.Discard, out, 100_000)
		own.Signal(t, syscall.SIGKILL)
		n, _ := io.Copy(io.Discard, out)
		o := c.end(t)
		fails(t, &o, fmt.Sprintf("not the whole file: %d bytes of %d came", n+100_000, size))
		if n == size-100_000 || strings.Count(o.Stderr, "given up after") != 1 {
			t.Errorf("%d bytes more came\n%s", n, o.Stderr)
		}
	})
	t.Run("interrupted", func(t *testing.T) { // while nobody reads
		t.Parallel()
		c, out := beginStream(t, "http://"+r.Address(t, "files")+"/file")
		harness.Eventually(t, "bytes that nobody reads", func() (bool, any) {
			n, err := unix.IoctlGetInt(int(out.Fd()), unix.TIOCINQ)
			return n > 0, err
		})
		_ = c.Process.Signal(syscall.SIGINT)
		o := c.end(t)
		fails(t, &o, "interrupted")
	})
	t.Run("not read", func(t *testing.T) {
		t.Parallel()
		c, out := beginStream(t, "http://"+r.Address(t, "files")+"/file")
		_, _ = io.CopyN(io.Discard, out, 10)
		out.Close()
		o := c.end(t)
		fails(t, &o, "whoever was to read that has ended")
	})
	t.Run("full", func(t *testing.T) {
		t.Parallel()
		o := harness.Run(t, "get", "http://"+r.Address(t, "files")+"/file", "-o", "/dev/full")
		fails(t, &o, "no space left on device")
	})
}

// streaming is a `relay get -o -` that runs.
type streaming struct {
	*exec.Cmd
	stderr bytes.Buffer
}

// beginStream fetches slowly into a pipe.
func beginStream(t *testing.T, url string, flags ...string) (*streaming, *os.File) {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &streaming{Cmd: exec.Command(harness.Binary(), append([]string{"get", "--limit-rate", "10MB", url, "-o", "-"}, flags...)...)}
	c.Stdout, c.Stderr = in, &c.stderr
	err = harness.Spawn(c.Cmd)
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		out.Close()
	})
	return c, out
}

func (c *streaming) end(t *testing.T) harness.Outcome {
	t.Helper()
	overdue := time.AfterFunc(harness.Patience, func() { _ = c.Process.Kill() })
	defer overdue.Stop()
	_ = c.Wait() // the code tells
	return harness.Outcome{Code: c.ProcessState.ExitCode(), Stderr: c.stderr.String()}
}

// One file gets a name of its own, with its time and mode, replaces what has that name, and
// goes on where it broke when the command is given again.
func TestGetAs(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	at := time.Unix(1_600_000_000, 5)
	plantFile(t, filepath.Join(r.dir, "a"), []byte("content"), 0o640, at)
	plantFile(t, filepath.Join(r.dir, "big"), bytesOf(1, 12_000_000), 0o644, at)
	url := "http://" + r.Address(t, "files")
	to, want := t.TempDir(), t.TempDir()
	file := filepath.Join(to, "b c")
	plantFile(t, file, []byte("before"), 0o600, at)
	if m := transferAll(t, "get", "-o", file, url+"/a"); m.BytesMoved != 7 {
		t.Errorf("%+v", m)
	}
	if again := transferAll(t, "get", url+"/a", "--output="+file); again.BytesMoved != 0 {
		t.Errorf("again: %+v", again)
	}
	link := filepath.Join(to, "link")
	if err := os.Symlink("b c", link); err != nil {
		t.Fatal(err)
	}
	if m := transferAll(t, "get", "-f", url+"/a", "-o", link); m.BytesMoved != 7 {
		t.Errorf("%+v", m)
	}
	if err := os.Remove(link); err != nil { // still the link, not the file
		t.Error(err)
	}
	args := []string{"get", "--limit-rate", "8MB", url + "/big", "-o", filepath.Join(to, "large")}
	c := begin(t, args...)
	waitForPart(t, to, 4_000_000)
	c.kill(t)
	if m := transferAll(t, args...); m.BytesMoved > 8_500_000 {
		t.Errorf("%d bytes were fetched again", m.BytesMoved)
	}
	plantFile(t, filepath.Join(want, "b c"), []byte("content"), 0o640, at)
	plantFile(t, filepath.Join(want, "large"), bytesOf(1, 12_000_000), 0o644, at)
	sameTree(t, to, want)
	wantNoParts(t, to)
}

// A name that is a pipe's, or a device's, stays one.
func TestGetIntoAPipe(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	content := bytesOf(1, 3_000_000)
	r.file(t, "a", content)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan []byte)
	go func() {
		got, _ := os.ReadFile(pipe)
		read <- got
	}()
	transferAll(t, "get", "http://"+r.Address(t, "files")+"/a", "-o", pipe)
	if got := <-read; !bytes.Equal(got, content) {
		t.Errorf("%d bytes %x, want %d %x", len(got), hashOf(got), len(content), hashOf(content))
	}
	if info, err := os.Stat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("%v, %v", info, err)
	}
}

// -o is for one file, and whoever means something else is told how that goes.
func TestGetAsErrors(t *testing.T) {
	t.Parallel()
	r := startDrop(t, nil)
	r.file(t, "sub/a", []byte("a"))
	url := "http://" + r.Address(t, "files")
	dir := t.TempDir()
	nowhere := filepath.Join(dir, "nowhere")
	if err := os.Symlink("none", nowhere); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{url + "/sub/a", url + "/sub/b", "-o", "x"}, 2, "relay get URL... DIR"},
		{[]string{url + "/sub/", "-o", "x"}, 2, "relay get " + url + "/sub/ DIR"},
		{[]string{url + "/sub", "-o", filepath.Join(dir, "x")}, 1, "it is a directory"},
		{[]string{url + "/sub", "-o", "-"}, 1, "it is a directory"},
		{[]string{url + "/sub/none", "-o", "-"}, 1, "there is no such name"},
		{[]string{url + "/sub/a", "dir", "-o", "x"}, 2, "write -o dir/x"},
		{[]string{url + "/sub/a", "-o", dir}, 2, "relay get " + url + "/sub/a " + dir},
		{[]string{url + "/sub/a", "-o", dir + "/new/"}, 2, "the name of the file"},
		{[]string{url + "/sub/a", "-o", dir + "/new/x"}, 1, "no such file or directory"},
		{[]string{url + "/sub/a", "-o", nowhere}, 1, "leads nowhere"},
		{[]string{url + "/sub/a", "-o", ""}, 2, "needs the name of a file"},
		{[]string{url + "/sub/a", "-o", "-", "--durability", "none"}, 2, "--durability is for files"},
		{[]string{url + "/sub/a", "-"}, 2, "-o - writes a single file to standard output"},
		{[]string{"-o", "x"}, 2, "requires at least 1 arg"},
		{[]string{"-o", "x", "y"}, 2, "a URL is needed"},
	} {
		o := harness.Run(t, append([]string{"get"}, c.args...)...)
		if o.Code != c.code || !strings.Contains(o.Stderr, c.says) || o.Stdout != "" {
			t.Errorf("%v: exit code %d, want %d and %q:\n%s%s", c.args, o.Code, c.code, c.says, o.Stderr, o.Stdout)
		}
	}
	if left := snapshot(t, dir, false); len(left) != 1 {
		t.Errorf("there is %v", left)
	}
}

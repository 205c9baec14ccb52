package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
)

// renames are the system calls that give a file another name.
const renames = "renameat,renameat2"

// What a disk does not take is answered by an error, is not published and leaves
// nothing; and the next file is taken.
func TestUploadDiskFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, calls string
		directory   bool // only calls on the directory of the file fail
		path        string
		fields      string
	}{
		{"the bytes are not durable", "fsync,fdatasync", false, "/d/new", ""},
		{"nor are those of one that replaces", "fsync,fdatasync", false, "/d/old", ""},
		{"the name is not durable", "fsync,fdatasync", true, "/d/new", ""},
		{"no name is given", "linkat", false, "/d/new", ""},
		{"the old file stays in its place", renames, false, "/d/old", ""},
		{"a resumable one does not begin", "fsync,fdatasync", false, "/d/new", "Upload-Complete: ?1"},
		{"its state is not written", renames, false, "/d/new", "Upload-Complete: ?1"},
		{"its name is not durable", "fsync,fdatasync", true, "/d/new", "Upload-Complete: ?1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := startUploads(t, nil)
			old := bytesOf(1, 5000)
			r.send(t, "/d/old", old).want(t, 201, []byte{})
			only := ""
			if c.directory {
				only = filepath.Join(r.dir, "d")
			}
			failing := r.FailCalls(t, c.calls, "EIO", only)
			body := bytesOf(2, 2<<20)
			var fields []string
			if c.fields != "" {
				fields = append(fields, c.fields)
			}
			if a := r.send(t, c.path, body, fields...); a.StatusCode != 500 {
				t.Errorf("status %d: %s", a.StatusCode, a.body)
			}
			if failing.Mend() == 0 {
				t.Error("no call failed")
			}
			wantNothingLeft(t, r.dir)
			r.wantTree(t, map[string][]byte{"d/old": old})
			r.send(t, "/d/new", body, fields...).want(t, 201, []byte{})
			harness.Eventually(t, "the file", func() (bool, any) {
				got, err := os.ReadFile(filepath.Join(r.dir, "d/new"))
				return string(got) == string(body), err
			})
		})
	}
}

// How much of an upload is here is told only when its name survives a loss of power, too, and
// those of the directories above it.
func TestUploadIsToldWhenItsNameIsDurable(t *testing.T) {
	t.Parallel()
	const creation = "Upload-Complete: ?0"
	t.Run("by the answer that begins it", func(t *testing.T) {
		t.Parallel()
		r := startUploads(t, nil)
		r.send(t, "/d/old", []byte("old")).want(t, 201, []byte{})
		failing := r.FailCalls(t, "fsync,fdatasync", "EIO", filepath.Join(r.dir, "d"))
		if a := r.send(t, "/d/new", nil, creation, "Upload-Length: 3"); a.StatusCode != 500 || a.Header.Get("Upload-Offset") != "" {
			t.Errorf("status %d, %v", a.StatusCode, a.Header)
		}
		if failing.Mend() == 0 {
			t.Error("no call failed")
		}
		wantNothingLeft(t, r.dir)
		r.begin(t, "/d/new", 3)
	})
	t.Run("in a directory that is new", func(t *testing.T) {
		t.Parallel()
		r := startUploads(t, nil)
		r.begin(t, "/old", 3)
		failing := r.FailCalls(t, "fsync,fdatasync", "EIO", r.dir)
		if a := r.send(t, "/new/new", nil, creation, "Upload-Length: 3"); a.StatusCode != 500 {
			t.Errorf("status %d, %v", a.StatusCode, a.Header)
		}
		if failing.Mend() == 0 {
			t.Error("no call failed")
		}
		r.begin(t, "/new/new", 3)
	})
	t.Run("to who asks after a kill", func(t *testing.T) {
		t.Parallel()
		r := startUploads(t, nil)
		place := r.begin(t, "/n/d/new", 3)
		again := r.killed(t)
		failing := again.FailCalls(t, "fsync,fdatasync", "EIO", filepath.Join(r.dir, "n"))
		c := again.client(t)
		c.say(t, ask("HEAD", place, interop))
		if a := c.hear(t, "HEAD"); a.StatusCode != 500 || a.Header.Get("Upload-Offset") != "" {
			t.Errorf("status %d, %v", a.StatusCode, a.Header)
		}
		if failing.Mend() == 0 {
			t.Error("no call failed")
		}
	})
	t.Run("and not at all where nothing is durable", func(t *testing.T) {
		t.Parallel()
		r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["durability"] = "none" })
		failing := r.FailCalls(t, "fsync,fdatasync", "EIO", "")
		place := r.begin(t, "/n/new", 3)
		r.append(t, place, 0, []byte("ab"), "?0")
		if at, _ := r.offset(t, place); at != 2 {
			t.Errorf("it is at %d", at)
		}
		if n := failing.Mend(); n != 0 {
			t.Errorf("%d calls to the disk", n)
		}
	})
}

// A part of an upload that cannot be made durable is not told to be there: the client
// hears an error, and begins anew.
func TestResumableDiskFails(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	body := bytesOf(3, 3<<20)
	for _, complete := range []string{"?0", "?1"} {
		place := r.begin(t, "/d/a", len(body))
		r.append(t, place, 0, body[:1<<20], "?0").want(t, 204, []byte{})
		failing := r.FailCalls(t, "fsync,fdatasync", "EIO", "")
		from, to := 1<<20, 2<<20
		if complete == "?1" {
			to = len(body)
		}
		if a := r.append(t, place, from, body[from:to], complete); a.StatusCode != 500 {
			t.Errorf("status %d: %s", a.StatusCode, a.body)
		}
		if failing.Mend() == 0 {
			t.Error("no call failed")
		}
		wantNothingLeft(t, r.dir)
		r.wantTree(t, nil)
	}
	place := r.begin(t, "/d/a", len(body))
	r.append(t, place, 0, body, "?1").want(t, 201, []byte{})
	r.fetch(t, "/d/a").want(t, 200, body)
}

// What the disk did not take while a large file arrives is not forgotten when it works
// again before the end: the kernel has told of it, and will not a second time.
func TestResumableCheckpointFails(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a checkpoint comes with each 256 MiB")
	}
	r := startUploads(t, nil)
	const size, checkpoint = 257 << 20, 256 << 20
	body := bytesOf(4, 1<<20)
	place := r.begin(t, "/a", size)
	c := r.client(t)
	c.say(t, patch(place, 0, size, "?1"))
	pour := func(n int) {
		for ; n > 0; n -= len(body) {
			if _, err := c.Write(body); err != nil {
				t.Fatal(err)
			}
		}
	}
	pour(len(body))
	harness.Eventually(t, "it has begun to arrive", func() (bool, any) {
		n := hiddenBytes(r.dir)
		return n > 1, n
	})
	failing := r.FailCalls(t, "fsync", "EIO", "")
	pour(checkpoint - len(body))
	harness.Eventually(t, "the checkpoint fails", func() (bool, any) { return failing.Count() > 0, failing.Count() })
	failing.Mend()
	pour(size - checkpoint)
	if a := c.hear(t, "PATCH"); a.StatusCode != 500 {
		t.Errorf("status %d: %s", a.StatusCode, a.body)
	}
	wantNothingLeft(t, r.dir)
	r.wantTree(t, nil)
}

// A forward whose book cannot be written says so, keeps the file, and goes on when the
// disk works again, without sending it twice.
func TestForwardDiskFails(t *testing.T) {
	t.Parallel()
	for _, calls := range []string{"fdatasync", "fsync", "pwrite64"} {
		t.Run(calls, func(t *testing.T) {
			t.Parallel()
			to := startDrop(t, conflicting("keep_both"))
			f := forwarding{dir: harness.Directory(t), after: "delete", to: []string{"http://" + to.Address(t, "files") + "/"}}
			marked := calls == "fsync" // where there are markers a removal is made durable
			if marked {
				f.edit = func(d harness.Table, _ []harness.Table) { d["done_marker"] = ".done" }
			}
			r := harness.Start(t, f.config(t))
			r.Message(t, "forwarding")
			failing := r.FailCalls(t, calls, "EIO", "")
			want, names := t.TempDir(), []string{"a", "b"}
			for _, name := range names {
				for _, dir := range []string{want, f.dir} {
					plantFile(t, filepath.Join(dir, name), bytesOf(uint64(name[0]), 300_000), 0o644, time.Unix(1, 0))
				}
				if marked {
					plantFile(t, filepath.Join(f.dir, name+".done"), nil, 0o644, time.Unix(1, 0))
				}
			}
			r.Line(t, "word of it", func(l harness.Line) bool { return l.Level != "info" && strings.Contains(l.Raw, "input/output error") })
			if left := snapshotFiles(f.dir); len(left) != len(names) && !marked { // there it is the removal that may not last
				t.Errorf("there is %v: the files are not known to have been sent", left)
			}
			if failing.Mend() == 0 {
				t.Error("no call failed")
			}
			eventuallyEmpty(t, f.dir)
			eventuallySame(t, to.dir, want)
		})
	}
}

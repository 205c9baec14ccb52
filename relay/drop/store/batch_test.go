package store

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// fill begins a file of a batch that holds its own path, and adds it.
func (r *rig) fill(b *Batch, path string, t Terms) *Partial {
	r.t.Helper()
	p, err := b.Begin(path, 1)
	if err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
	if _, err := unix.Write(p.FD, []byte(path)); err != nil {
		r.t.Fatal(err)
	}
	b.Add(p, t)
	return p
}

// Batches that are published at the same time share what syncing costs; a file that fails is
// not there, and is in nobody's way.
func TestBatches(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		descriptors := r.wantDescriptors()
		const files, batches, failing = 150, 4, 7 // more than is committed together
		var bad, syncs atomic.Int64
		kernel := r.calls.sync
		r.calls.sync = func(fd int) sock.Errno {
			syncs.Add(1)
			if bad.CompareAndSwap(int64(fd), -1) {
				return unix.EIO
			}
			return kernel(fd)
		}
		want := map[string]string{}
		var begun [batches]*Batch
		for n := range begun {
			b := r.Batch(OpenMost)
			begun[n] = b
			for i := range files {
				path := fmt.Sprintf("d%d/e%d/f%d", n, i%2, i)
				if p := r.fill(b, path, Terms{}); n == 1 && i == failing {
					bad.Store(int64(p.FD))
				} else {
					want[path] = path
				}
			}
			if len(b.places) != 2 || b.Full() != (files+2 >= OpenMost) {
				t.Errorf("%d directories are open, full %v", len(b.places), b.Full())
			}
		}
		var all sync.WaitGroup
		for n, b := range begun {
			all.Go(func() {
				for i, o := range b.Publish() {
					failed := n == 1 && i == failing
					if failed != (o.Err == unix.EIO) || !failed && (o.Err != nil || want[o.Path] == "") {
						t.Errorf("batch %d, file %d: %+v", n, i, o)
					}
				}
			})
		}
		all.Wait()
		if n := syncs.Load(); n > files*batches+50 {
			t.Errorf("%d files were synced with %d calls", files*batches, n)
		}
		r.want(want)
		descriptors()
	})
}

// A file that is given up leaves the directory to the others, and a batch goes on after it was
// published.
func TestBatchGoesOn(t *testing.T) {
	r := newRig(t)
	descriptors := r.wantDescriptors()
	b := r.Batch(OpenMost)
	p, err := b.Begin("d/0", 0)
	if err != nil {
		t.Fatal(err)
	}
	p.Abandon()
	r.fill(b, "d/1", Terms{})
	if all := b.Publish(); len(all) != 1 || all[0].Err != nil {
		t.Errorf("%+v", all)
	}
	r.fill(b, "d/2", Terms{})
	r.fill(b, "d/1", Terms{Conflict: Fail})
	if all := b.Publish(); len(all) != 2 || all[0].Err != nil || all[1].Err != ErrExists {
		t.Errorf("%+v", all)
	}
	r.want(map[string]string{"d/1": "d/1", "d/2": "d/2"})
	descriptors()
}

// A directory that is removed while a batch has it open is made again, for the files that are
// in the batch and for those that follow.
func TestBatchLosesItsDirectory(t *testing.T) {
	batchLoses(t, newRig(t), os.RemoveAll)
}

// One that is moved keeps what it has; the files of the batch go where they were to.
func TestBatchAndAMovedDirectory(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		batchLoses(t, r, func(dir string) error { return os.Rename(dir, dir+"2") })
	})
}

func batchLoses(t *testing.T, r *rig, lose func(dir string) error) {
	t.Helper()
	for _, durable := range []bool{false, true} {
		r.durable = durable
		descriptors := r.wantDescriptors()
		b := r.Batch(OpenMost)
		r.fill(b, "d/e/1", Terms{})
		if err := lose(filepath.Join(r.dir, "d")); err != nil {
			t.Fatal(err)
		}
		r.fill(b, "d/e/2", Terms{})
		for _, o := range b.Publish() {
			if o.Err != nil {
				t.Errorf("durable %v: %v", durable, o.Err)
			}
		}
		r.want(map[string]string{"d/e/1": "d/e/1", "d/e/2": "d/e/2"})
		descriptors()
		for _, dir := range []string{"d", "d2"} {
			if err := os.RemoveAll(filepath.Join(r.dir, dir)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Who finds a directory that another has made answers for it as well: that it is durable, and
// not before.
func TestDirectoriesOfOthersAreSynced(t *testing.T) {
	r := newRig(t)
	kernel := r.calls.sync
	var synced []string
	fails := ""
	r.calls.sync = func(fd int) sock.Errno {
		path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil {
			t.Fatal(err)
		}
		if path == fails {
			return unix.EIO
		}
		synced = append(synced, path)
		return kernel(fd)
	}
	p, err := r.Begin("n/e/given up", 0)
	if err != nil {
		t.Fatal(err)
	}
	p.Abandon()
	fails = r.dir
	for _, path := range []string{"n/e/a", "n/b", "c"} {
		if _, err := r.put(path, "", Terms{}); err != unix.EIO {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := r.MakeDirectory("n/x", 0, time.Time{}); err != unix.EIO {
		t.Errorf("a directory: %v", err)
	}
	fails, synced = "", nil
	for _, path := range []string{"n/e/a", "n/e/b"} {
		if _, err := r.put(path, "", Terms{}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	want := []string{r.dir, r.dir + "/n", r.dir + "/n/e", r.dir + "/n/e"}
	got := synced[:0:0]
	for _, path := range synced {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			got = append(got, path)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("synced were %v, want %v", got, want)
	}
	if dirs, _ := r.unsynced.above("n/e/x"); len(dirs) != 0 {
		t.Errorf("%v are remembered", dirs)
	}
	if p, err = r.Begin("n/f/given up", 0); err != nil {
		t.Fatal(err)
	}
	p.Abandon()
	if _, err := r.Move("n", "m", false, nil); err != nil {
		t.Fatal(err)
	}
	if dirs, _ := r.unsynced.above("m/f/x"); fmt.Sprint(dirs) != "[m]" {
		t.Errorf("after a move %v are remembered", dirs)
	}
	// The same while something is made in it: nobody goes on syncing it for ever.
	r.unsynced.begin("m")
	if _, err := r.Move("m", "l", false, nil); err != nil {
		t.Fatal(err)
	}
	r.unsynced.end("m")
	for _, path := range []string{"l/f/x", "m/f/x"} {
		if _, err := r.put(path, "", Terms{}); err != nil {
			t.Error(err)
		}
		if dirs, _ := r.unsynced.above(path); len(dirs) != 0 {
			t.Errorf("%v are remembered", dirs)
		}
	}
}

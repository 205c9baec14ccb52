package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// syncs has a store note the directories it syncs, as paths beneath it.
func (r *rig) syncs() *[]string {
	kernel, all := r.calls.sync, new([]string)
	r.calls.sync = func(fd int) sock.Errno {
		path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil {
			r.t.Error(err)
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			*all = append(*all, "."+strings.TrimPrefix(path, r.dir))
		}
		return kernel(fd)
	}
	return all
}

// The name of an upload is durable with those of the directories above it: of the new ones when
// it has just begun, of all when an earlier process may have made them.
func TestNamesOfUploadsAreSynced(t *testing.T) {
	r := newRig(t)
	r.unsynced = newUnsynced() // an earlier test may have had a directory of this identity
	if err := os.Mkdir(filepath.Join(r.dir, "old"), 0o777); err != nil {
		t.Fatal(err)
	}
	synced := r.syncs()
	want := func(what string, want ...string) {
		t.Helper()
		if !slices.Equal(*synced, want) {
			t.Errorf("%s: synced were %v, want %v", what, *synced, want)
		}
		*synced = nil
	}
	p, err := r.BeginNamed("old/new/f", "id", 0)
	if err != nil {
		t.Fatal(err)
	}
	want("begun")
	if err := r.SaveState("id", []byte("state")); err != nil {
		t.Fatal(err)
	}
	want("its state", ".", "./"+stateDirectory)
	if err := p.SyncName(); err != nil {
		t.Fatal(err)
	}
	want("its name", "./old", "./old/new")
	p.Suspend()
	if p, _, err = r.Reopen("old/new/f", "id"); err != nil {
		t.Fatal(err)
	}
	defer p.Abandon()
	if err := p.SyncName(); err != nil {
		t.Fatal(err)
	}
	want("found", "./old", ".", "./old/new")
	r.durable = false
	if err := p.SyncName(); err != nil {
		t.Fatal(err)
	}
	want("where nothing is durable")
}

// The directory of the states may be there, and not on the disk: the process that made it was
// killed.
func TestStatesOfAnEarlierProcessAreSynced(t *testing.T) {
	r := newRig(t)
	r.unsynced = newUnsynced() // an earlier test may have had a directory of this identity
	if err := os.Mkdir(filepath.Join(r.dir, stateDirectory), 0o700); err != nil {
		t.Fatal(err)
	}
	synced := r.syncs()
	for range 2 {
		if err := r.SaveState("id", []byte("state")); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{".", "./" + stateDirectory, "./" + stateDirectory}; !slices.Equal(*synced, want) {
		t.Errorf("synced were %v, want %v", *synced, want)
	}
}

// What is being written is not taken for left over, neither by a store that a reload makes nor, if
// it is locked, by another process; and what was swept away before that is written once more.
func TestSweepLeavesStatesThatAreWritten(t *testing.T) {
	r := newRig(t)
	again := New(r.Store.dir, true)
	if !again.began.Equal(r.began) {
		t.Errorf("a second store began at %v, the first at %v", again.began, r.began)
	}
	other := New(r.Store.dir, true)
	other.began = time.Now().Add(time.Hour) // of a process to come
	kernel, renames := r.calls.rename, 0
	r.calls.rename = func(dir int, from, to string) sock.Errno {
		if renames++; renames == 2 { // it was not locked yet
			if err := unix.Unlinkat(dir, from, 0); err != nil {
				t.Error(err)
			}
		}
		if c, err := other.Sweep(nil, func() bool { return false }); err != nil || c.Strays != 0 {
			t.Errorf("%+v, %v", c, err)
		}
		return kernel(dir, from, to)
	}
	for _, state := range []string{"one", "two"} {
		if err := r.SaveState("id", []byte(state)); err != nil {
			t.Error(err)
		}
		if got, err := r.LoadState("id"); err != nil || string(got) != state {
			t.Errorf("%q, %v", got, err)
		}
	}
	if renames != 3 {
		t.Errorf("%d tries, want 3", renames)
	}
}

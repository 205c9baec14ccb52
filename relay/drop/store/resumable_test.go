package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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

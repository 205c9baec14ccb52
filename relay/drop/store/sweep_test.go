package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func (r *rig) seen() (all []Seen) {
	r.t.Helper()
	if _, err := r.Sweep(func(s Seen) { all = append(all, s) }, func() bool { return false }); err != nil {
		r.t.Fatal(err)
	}
	return all
}

// What a walk came by is removed if it is still there, and not what has taken its place,
// though that looks the same.
func TestRemoveSeen(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	put := func() {
		if _, err := r.put("d/x", "content", Terms{Mtime: time.Unix(1, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	put()
	before := r.seen()
	put()
	if err := r.RemoveSeen(before[0]); err != ErrPrecondition {
		t.Errorf("another file: %v", err)
	}
	now := r.seen()
	if len(before) != 1 || len(now) != 1 {
		t.Fatalf("%+v, then %+v", before, now)
	}
	if err := r.RemoveSeen(now[0]); err != nil {
		t.Error(err)
	}
	if left := r.seen(); len(left) != 0 {
		t.Errorf("%+v is left", left)
	}
	if err := r.RemoveSeen(now[0]); err != ErrPrecondition {
		t.Errorf("a file that is gone: %v", err)
	}
}

// A walk has one directory open, however deep the tree.
func TestSweepDeep(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const depth = 200
	if _, err := r.put(strings.Repeat("d/", depth)+"x", "content", Terms{}); err != nil {
		t.Fatal(err)
	}
	open := 0
	found, err := r.Sweep(func(Seen) {
		all, _ := filepath.Glob("/proc/self/fd/*")
		for _, fd := range all {
			if to, _ := os.Readlink(fd); strings.HasPrefix(to, r.dir+"/") {
				open++
			}
		}
	}, func() bool { return false })
	if err != nil || found.Files != 1 || open != 1 {
		t.Errorf("%+v, %v; %d were open", found, err, open)
	}
}

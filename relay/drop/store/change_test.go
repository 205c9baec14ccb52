package store

import (
	"sync"
	"testing"

	"relay/relay/sock"
)

// A file is moved if it is the one that was meant. Nobody can publish under its name, nor
// under the one that it gets, between the look and the step.
func TestMoveIfItHolds(t *testing.T) {
	r := newRig(t)
	for path, content := range map[string]string{"d/a": "a", "e/b": "before"} {
		if _, err := r.put(path, content, Terms{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, meant := range []bool{false, true} {
		replaced, err := r.Move("d/a", "e/b", true, func(exists bool, info sock.FileInfo) bool {
			if !exists || info.Size != 1 {
				t.Errorf("there is %v, %+v", exists, info)
			}
			r.wantLocked("d", "a")
			r.wantLocked("e", "b")
			return meant
		})
		if meant && (err != nil || !replaced) || !meant && err != ErrPrecondition {
			t.Errorf("if it is meant, %v: replaced %v, %v", meant, replaced, err)
		}
		if !meant {
			r.want(map[string]string{"d/a": "a", "e/b": "before"})
		}
	}
	r.want(map[string]string{"e/b": "a"})
	if _, err := r.Move("d/a", "e/c", true, func(exists bool, _ sock.FileInfo) bool { return exists }); err != ErrPrecondition {
		t.Errorf("what is not there: %v", err)
	}
}

// wantLocked makes sure that somebody holds the lock of a name.
func (r *rig) wantLocked(above, base string) {
	r.t.Helper()
	dir, errno := sock.OpenBeneath(r.Store.dir, above, directoryFlags, false)
	if errno != 0 {
		r.t.Fatal(errno)
	}
	defer sock.Close(dir)
	id, errno := sock.Identify(dir)
	if errno != 0 {
		r.t.Fatal(errno)
	}
	i := stripeOf(id, base)
	if stripes[i].TryLock() {
		stripes[i].Unlock()
		r.t.Errorf("%s/%s is not locked", above, base)
	}
}

// Moves that cross do not wait for each other for ever, and one to the same name does not
// wait for itself.
func TestMovesThatCross(t *testing.T) {
	r := newRig(t)
	if _, err := r.put("a", "x", Terms{}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, way := range [][2]string{{"a", "b"}, {"b", "a"}, {"a", "a"}} {
		all.Go(func() {
			for range 200 {
				_, err := r.Move(way[0], way[1], false, nil)
				if err != nil && err != ErrNotFound && err != ErrPrecondition {
					t.Errorf("from %s to %s: %v", way[0], way[1], err)
				}
			}
		})
	}
	all.Wait()
}

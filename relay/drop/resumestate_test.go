package drop

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/drop/digest"
	"relay/relay/drop/store"
	"relay/relay/sock"
)

// resting is an upload of 8 bytes of which 4 are here and hashed, and whose request has ended.
func resting(t *testing.T, durable, asked bool) (*ongoing, *store.Store) {
	t.Helper()
	fd, err := unix.Open(t.TempDir(), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.Close(fd) })
	s := store.New(fd, durable)
	o := &ongoing{id: newUploadID(), in: &registry{all: map[string]*ongoing{}, ages: newAges()}, state: resumeState{
		Path: []byte("f"), Length: 8, Wanted: []string{digest.SHA256.String()}, Expires: time.Now().Add(time.Hour),
	}}
	if o.part, err = s.BeginNamed("f", o.id, 8); err != nil {
		t.Fatal(err)
	}
	write(t, o.part.FD, []byte("old "), 0)
	o.trail = newTrail(digest.SHA256)
	o.trail.mark.Store(4)
	o.trail.catchUp(o.part.FD)
	o.offset, o.changed = 4, true
	if err := o.suspend(s, asked); err != nil || o.state.Hashed != 4 {
		t.Fatal(err, o.state.Hashed)
	}
	return o, s
}

// After a restart of the machine nothing is left of what was not synced, nor of what was
// hashed of it: other bytes may come in its place.
func TestAnotherBootForgetsWhatWasNotDurable(t *testing.T) {
	for _, c := range []struct {
		name           string
		durable, asked bool // the store is, and was asked to sync
		want           int64
	}{
		{"synced", true, true, 4},
		{"cut off", true, false, 0},
		{"nothing is durable", false, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, s := resting(t, c.durable, c.asked)
			o.state.Boot, o.trail = "another", nil
			if err := o.open(s); err != nil {
				t.Fatal(err)
			}
			defer o.part.Abandon()
			if o.offset != c.want || o.trail.at.Load() != c.want {
				t.Fatalf("it goes on at %d with the digest of %d bytes, want %d", o.offset, o.trail.at.Load(), c.want)
			}
			content := []byte("old bits")
			if c.want == 0 {
				content = []byte("new bits")
			}
			write(t, o.part.FD, content[c.want:], int(c.want))
			wantSum(t, o.trail, o.part.FD, content, digest.SHA256)
		})
	}
}

// In the same run of the machine the file tells how much there is, also after a kill.
func TestTheSameBootGoesOn(t *testing.T) {
	for _, durable := range []bool{true, false} {
		o, s := resting(t, durable, false)
		if err := o.open(s); err != nil {
			t.Fatal(err)
		}
		if o.offset != 4 || o.trail.at.Load() != 4 {
			t.Errorf("durable %v: it goes on at %d, with the digest of %d bytes", durable, o.offset, o.trail.at.Load())
		}
		o.part.Abandon()
	}
}

// What the process before this one completes after an upgrade is complete here, also if the
// file was taken away since and its state was read before.
func TestCompletedByTheProcessBefore(t *testing.T) {
	before, s := resting(t, false, false)
	o, err := (&registry{all: map[string]*ongoing{}, ages: newAges()}).find(s, before.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := before.open(s); err != nil {
		t.Fatal(err)
	}
	if _, err := before.publish(s, store.Terms{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove("f", nil); err != nil {
		t.Fatal(err)
	}
	if err := o.open(s); err != nil || o.state.Done == nil {
		t.Errorf("%v, complete %v", err, o.state.Done != nil)
	}
}

// The digest of bytes that are not in the file is none.
func TestTrailBeyondTheEnd(t *testing.T) {
	fd, content := growing(t, 100)
	write(t, fd, content, 0)
	tr := newTrail(digest.SHA256)
	tr.mark.Store(100)
	tr.catchUp(fd)
	if sums, err := tr.end(fd, 99); err == nil {
		t.Errorf("%v", sums)
	}
}

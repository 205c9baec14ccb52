package drop

import "testing"

// Uploads that are complete take no places from others, but for those that somebody is at.
func TestCompleteUploadsMakeRoom(t *testing.T) {
	r := &registry{all: map[string]*ongoing{}}
	for i := range ongoingMost {
		o := &ongoing{id: newUploadID(), in: r}
		if i > 0 {
			o.state.Done = &doneState{}
		}
		o.held = i == 1
		if !r.add(o) {
			t.Fatal("no place for upload", i)
		}
	}
	if !r.add(&ongoing{id: newUploadID(), in: r}) {
		t.Fatal("those that are complete have all places")
	}
	if n := len(r.all); n != 3 {
		t.Errorf("%d uploads are known, want 3", n)
	}
	for r.add(&ongoing{id: newUploadID(), in: r}) {
		if len(r.all) > ongoingMost {
			t.Fatal("there is no bound")
		}
	}
	if n := len(r.all); n != ongoingMost {
		t.Errorf("%d uploads are known, want %d", n, ongoingMost)
	}
}

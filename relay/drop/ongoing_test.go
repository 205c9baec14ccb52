package drop

import (
	"testing"

	"relay/relay/loop"
)

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

// Whoever wants an upload that the upkeep looks at, or removes, has it after that.
func TestSeizeFromTheUpkeep(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	o := &ongoing{}
	if !o.tryHold() {
		t.Fatal("nobody holds it")
	}
	seized := 0
	for range 2 {
		o.seize(&Conn{in: &Conns{loop: l}}, func() {
			seized++
			o.release()
		})
	}
	if seized > 0 || o.tryHold() {
		t.Error("it has two owners")
	}
	o.release()
	l.Post(func() { l.Post(l.Stop) }) // behind what the first of them posts
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	if seized != 2 || !o.tryHold() {
		t.Errorf("%d of 2 requests had it", seized)
	}
}

package proxy

import (
	"testing"
	"unsafe"
)

// An idle session stays cheap: what few sessions need is behind a pointer. 416 is a size
// class of Go's allocator, so more than that costs 480.
func TestASessionIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Session{}); n > 416 {
		t.Errorf("a session has %d bytes, want 416 at most", n)
	}
}

package proxy

import (
	"testing"
	"unsafe"
)

// An idle session is to cost no more than 512 bytes in all, its slots in the loop and
// its timer among them.
func TestASessionIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Session{}); n >= 400 {
		t.Errorf("a session has %d bytes, want below 400", n)
	}
}

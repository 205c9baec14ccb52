package forward

import (
	"path/filepath"

	"golang.org/x/sys/unix"

	"relay/relay/drop/store"
)

// A file carries the ids of the drops that it came through, so that a loop of forwards ends.

// cameThrough are the ids of the drops that a file came through; "" is none, or a file
// system that keeps none.
func cameThrough(root, path string) string {
	var buf [1 << 10]byte
	n, err := unix.Lgetxattr(filepath.Join(root, path), store.Via, buf[:])
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// join adds a drop to those that a file came through.
func join(came, id string) string {
	if came == "" {
		return id
	}
	return came + "," + id
}

package forward

import (
	"bytes"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"relay/relay/drop/store"
)

// A file carries the ids of the drops that it came through, so that a loop of forwards ends.

// cameThrough are the ids of the drops that a file came through; "" is none, a file system that
// keeps none, or something else than ids.
func cameThrough(root, path string) string {
	var buf [1 << 10]byte
	n, err := unix.Lgetxattr(filepath.Join(root, path), store.Via, buf[:])
	if err != nil {
		return ""
	}
	if bytes.ContainsFunc(buf[:n], func(c rune) bool { return !strings.ContainsRune("0123456789abcdef,", c) }) {
		return "" // somebody has made it up: it would be more than a field of a request
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

package store

import (
	"hash/maphash"
	"sync"

	"relay/relay/sock"
)

// Publishing a name is: look at what has it, decide, take its place. All who publish the
// same name in this process do that one after the other, also through two stores of one
// directory (a reload makes a second one). The locks are few and shared by many names;
// nothing waits for a disk's data under one.

const locks = 256

var (
	stripes [locks]sync.Mutex
	seed    = maphash.MakeSeed()
)

// lockName locks a name in an open directory, by what the directory is and not by how
// it was reached: a symbolic link makes no second lock.
func lockName(dir int, base string) (*sync.Mutex, sock.Errno) {
	id, errno := sock.Identify(dir)
	if errno != 0 {
		return nil, errno
	}
	key := struct {
		sock.Identity
		base string
	}{id, base}
	m := &stripes[maphash.Comparable(seed, key)%locks]
	m.Lock()
	return m, 0
}

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
	return lockIn(id, base), 0
}

// lockIn is lockName in a directory that is known.
func lockIn(dir sock.Identity, base string) *sync.Mutex {
	lock := &stripes[stripeOf(dir, base)]
	lock.Lock()
	return lock
}

// lockNames locks two names. Whoever wants two locks takes them in their order, so that
// nobody waits for one who waits for him.
func lockNames(dir int, base string, otherDir int, otherBase string) (unlock func(), errno sock.Errno) {
	id, errno := sock.Identify(dir)
	if errno != 0 {
		return nil, errno
	}
	other, errno := sock.Identify(otherDir)
	if errno != 0 {
		return nil, errno
	}
	i, j := stripeOf(id, base), stripeOf(other, otherBase)
	first, second := &stripes[min(i, j)], &stripes[max(i, j)]
	first.Lock()
	if first == second {
		return first.Unlock, 0
	}
	second.Lock()
	return func() { second.Unlock(); first.Unlock() }, 0
}

// stripeOf is which lock a name has.
func stripeOf(dir sock.Identity, base string) uint64 {
	key := struct {
		sock.Identity
		base string
	}{dir, base}
	return maphash.Comparable(seed, key) % locks
}

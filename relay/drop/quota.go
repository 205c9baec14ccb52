package drop

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// usage is how many bytes a directory holds, for quota and free_reserve. What others do
// to the directory shows when it is counted again: every minute, and before anything is
// refused, but not more often than every recountAfter.
type usage struct {
	mu       sync.Mutex
	bytes    int64 // of files
	promised int64 // of uploads under way, not yet in files
	at       time.Time
}

const (
	recountAfter = 10 * time.Second
	// togetherTenths is how much of what is free several uploads may set aside.
	togetherTenths = 9
	// littleRoom is what uploads may set aside, in bytes, without a look at what is free.
	littleRoom = 4 << 20
)

// counted sets what a walk found, but for what is counted as promised.
func (r *registry) counted(bytes int64) {
	r.usage.mu.Lock()
	defer r.usage.mu.Unlock()
	r.usage.bytes, r.usage.at = max(bytes-r.came(), 0), time.Now()
}

// used adds bytes that have come, or gone.
func (r *registry) used(bytes int64) {
	r.usage.mu.Lock()
	defer r.usage.mu.Unlock()
	r.usage.bytes += bytes
}

// promise sets room aside for an upload of size bytes, by quota and by what must stay
// free. It is a worker's to call: it may have to count. Each promise ends with kept.
func (d *Drop) promise(size int64) error {
	u := &d.registry.usage
	for {
		u.mu.Lock()
		err, recount := d.fits(u, size)
		if err == nil && !recount {
			u.promised += size
		}
		u.mu.Unlock()
		if !recount {
			return err
		}
		found, walkErr := d.store.Sweep(nil, func() bool { return false })
		if walkErr != nil {
			return walkErr
		}
		d.registry.counted(found.Bytes)
	}
}

// fits judges under u.mu; recount says that the directory should be looked at first.
func (d *Drop) fits(u *usage, size int64) (err error, recount bool) {
	if d.limits.Quota > 0 && u.bytes+u.promised+size > d.limits.Quota || d.limits.Quota > 0 && u.at.IsZero() {
		if time.Since(u.at) > recountAfter {
			return nil, true
		}
		return errQuota, false
	}
	if d.limits.FreeReserve == 0 && u.promised+size <= littleRoom {
		return nil, false // the reservation itself finds out, or the writing
	}
	free, errno := sock.FreeSpace(d.dir)
	if errno != 0 {
		return nil, false
	}
	if size > max(free, littleRoom) { // not every file system reserves
		return unix.ENOSPC, false
	}
	if d.limits.FreeReserve > 0 && free-u.promised-size < d.limits.FreeReserve {
		return errReserve, false
	}
	// Whoever announces large files and sends nothing must not take the whole disk from
	// everybody: only an upload that is alone may have all of it.
	if u.promised > 0 && u.promised+size > (free+u.promised)/10*togetherTenths {
		return unix.ENOSPC, false
	}
	return nil, false
}

// room is how long a file may become that has so many bytes, and whose sender does not know
// it, and what is said when it becomes longer; 0 = any length. came are bytes that are in it
// since room was set aside for it last.
func (d *Drop) room(has, came int64) (most int64, errno sock.Errno) {
	u := &d.registry.usage
	u.mu.Lock()
	defer u.mu.Unlock()
	u.promised += came
	most, errno = d.limits.FileSizeMax, unix.EFBIG
	less := func(n int64) {
		if n = max(has+n, 1); most == 0 || n < most {
			most, errno = n, unix.ENOSPC
		}
	}
	if d.limits.Quota > 0 {
		less(d.limits.Quota - u.bytes - u.promised)
	}
	if d.limits.FreeReserve > 0 {
		if free, failed := sock.FreeSpace(d.dir); failed == 0 {
			less(free - u.promised - d.limits.FreeReserve)
		}
	}
	return most, errno
}

// keptOf ends the promise of an upload.
func (d *Drop) keptOf(up *upload) {
	u := &d.registry.usage
	u.mu.Lock()
	defer u.mu.Unlock()
	u.promised -= up.promised
	u.bytes += up.came
	if up.o != nil {
		up.o.came.Store(0)
	}
}

// kept ends a promise: of size bytes, came are in a file now.
func (d *Drop) kept(size, came int64) {
	u := &d.registry.usage
	u.mu.Lock()
	defer u.mu.Unlock()
	u.promised -= size
	u.bytes += came
}

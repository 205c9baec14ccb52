package forward

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/drop/store"
	"relay/relay/sock"
)

// Retry has files tried now, also those that were given up: one, or with "" all. It says
// how many.
func (f *Forwarder) Retry(path string) (n int, err error) {
	err = f.ask(func() {
		n = f.pick(path)
		for i, r := range f.routes {
			before := n
			for _, one := range f.files {
				if (path == "" || path == one.path) && one.queued && one.legs[i].state == waiting {
					one.legs[i].next = time.Time{}
					n++
				}
			}
			for name, rec := range f.failedOn(r, path) {
				if f.again(i, name, rec) {
					n++
				}
			}
			if n > before {
				r.until = time.Time{} // also where nobody was there to take anything
			}
		}
	})
	return n, err
}

// failedOn are the files that were given up on a route.
func (f *Forwarder) failedOn(r *route, path string) map[string]record {
	all := map[string]record{}
	f.book.each(r.config.To, func(name string, rec record) {
		if rec.failed() && (path == "" || path == name) {
			all[name] = rec
		}
	})
	return all
}

// again puts a file that was given up on a route back into its line. The book forgets it
// when it is in its place: should the process end before, it is given up as it was.
func (f *Forwarder) again(i int, path string, rec record) bool {
	r, one := f.routes[i], f.files[path]
	here := one != nil && one.queued && one.legs[i].state == failed // other routes are not through with it
	if !here && !f.exhume(path, rec) || f.book.remove(r.config.To, path) != nil {
		return false
	}
	if here {
		one.legs[i] = leg{state: waiting, since: time.Now(), turn: one.legs[i].turn}
		r.line = append(r.line, one)
	} else {
		f.consider(path, true)
	}
	return true
}

// exhume brings a file that failed back to its place, and reports that it is there. Another
// that has its place by now stays.
func (f *Forwarder) exhume(path string, rec record) bool {
	fd, err := unix.Open(f.config.Directory, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer sock.Close(fd)
	s := store.New(fd, true)
	if _, err := s.Move(failedDirectory+"/"+path, path, false, nil); err == nil {
		_ = s.Remove(failedDirectory+"/"+path+".reason", nil) // it says what was
	}
	rec.Away = false
	l, err := lookAt(f.config.Directory, path)
	return err == nil && rec.of(l.version) && f.mark(path)
}

// mark makes the done-marker of a file, if one is asked for and not there: the first one
// went when the file was put away.
func (f *Forwarder) mark(path string) bool {
	if f.config.DoneMarker == "" {
		return true
	}
	const mode = 0o666
	marker, err := os.OpenFile(filepath.Join(f.config.Directory, path+f.config.DoneMarker), os.O_CREATE|os.O_WRONLY, mode)
	if err != nil {
		return false
	}
	return marker.Close() == nil
}

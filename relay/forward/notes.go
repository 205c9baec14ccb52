package forward

import (
	"path/filepath"
	"time"

	"relay/relay/transfer"
)

// The note of an upload is removed by the courier that has brought the file. One that was
// killed in between leaves it, and so does a file that was removed before it was sent.

func (r *route) notes() string { return filepath.Join(r.drop, Directory, "uploads") }

// tidy removes notes that are of no use any more: of files that the book says were sent,
// and a day old ones of files that nobody waits to send. A younger one of a file that is
// gone stays: the file may be back after a loss of power, as with records.
func (f *Forwarder) tidy(now time.Time) {
	left := map[string]transfer.Noted{}
	for _, n := range transfer.Notes(f.routes[0].notes()) { // the routes have one directory
		left[n.Name] = n
	}
	if len(left) == 0 {
		return
	}
	for i, r := range f.routes {
		to, err := transfer.ParseDirectory(r.config.To)
		if err != nil {
			continue // the configuration was checked
		}
		note := func(path string) (transfer.Noted, bool) {
			n, ok := left[to.NoteOf(filepath.Join(r.drop, path), path)]
			return n, ok
		}
		f.book.each(r.config.To, func(path string, rec record) {
			n, ok := note(path)
			if ok && rec.Sent && n.Of(rec.Version) {
				n.Remove()
			}
			if ok && rec.failed() {
				delete(left, n.Name) // it may be tried again
			}
		})
		for path, one := range f.files {
			if n, ok := note(path); ok && one.wants(i) {
				delete(left, n.Name)
			}
		}
	}
	for _, n := range left {
		if now.Sub(n.At) > keepFor {
			n.Remove()
		}
	}
}

// wants reports that a file may still have to be sent on a route.
func (one *file) wants(i int) bool {
	return !one.queued || one.stale || one.legs[i].state.pending()
}

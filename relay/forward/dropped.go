package forward

import (
	"context"
	"time"

	"relay/relay/drop"
	"relay/relay/transfer"
)

// Files are taken out of the queue by hand, and count as given up then. One that is not
// complete, because it still arrives or settles, cannot be given up yet: nobody knows its
// version, which the book is about. What is under way of it is ended, and the rest is done
// when it is complete. Until then this process remembers it, by what no renaming and no
// writing changes.

// making is a file that is not complete, whatever it will be called and hold.
type making struct {
	ino  uint64
	born int64
}

func makingOf(v transfer.Version) making { return making{v.Ino, v.Born} }

// dropped is what is known of one that was dropped.
type dropped struct {
	path   string
	coming *drop.Arriving // nil if it was there, and settled
	over   bool           // at the last look it was not in the making any more
}

const byHand = "dropped by hand"

// Drop takes a file out of the queue: it counts as given up, now or when it is complete.
// n is how many sendings of it that ended.
func (f *Forwarder) Drop(path string) (n int, err error) {
	err = f.ask(func() {
		n = f.dropArriving(path)
		switch one := f.files[path]; {
		case one == nil:
		case one.queued:
			n += f.dropQueued(one)
		case !f.isDropped(one.look.version):
			f.dropped[makingOf(one.look.version)] = &dropped{path: path}
			n++
		}
	})
	return n, err
}

// dropQueued gives a file up on all routes that have it still to send.
func (f *Forwarder) dropQueued(one *file) (n int) {
	for i := range one.legs {
		switch l := &one.legs[i]; l.state {
		case carried: // it may arrive all the same; if not, that was the last try
			l.last = true
			n++
		case waiting:
			if f.giveUp(one, i) == nil {
				n++
			}
		case unwanted, sent, failed:
		}
	}
	if n > 0 && one.reports == 0 {
		f.conclude(one)
	}
	return n
}

// dropArriving ends what is sent of a file while it arrives.
func (f *Forwarder) dropArriving(path string) (n int) {
	for _, a := range f.ahead[path] {
		if a.underWay() {
			f.dropped[making{a.coming.Ino, a.coming.Born}] = &dropped{path: path, coming: a.coming}
			a.forget()
			n++
		}
	}
	return n
}

// isDropped reports that a file was dropped before it was complete.
func (f *Forwarder) isDropped(v transfer.Version) bool { return f.dropped[makingOf(v)] != nil }

// pick takes back that files were dropped that are not complete: one, or with "" all.
func (f *Forwarder) pick(path string) (n int) {
	for m, d := range f.dropped {
		if path == "" || path == d.path {
			delete(f.dropped, m)
			n++
		}
	}
	return n
}

// giveUp has the book know that a file was dropped on a route.
func (f *Forwarder) giveUp(one *file, i int) error {
	l := &one.legs[i]
	err := f.book.put(f.routes[i].config.To, entry{one.path, record{Version: one.look.version, Error: byHand, At: time.Now(), Turn: l.turn}})
	if err == nil {
		l.state, l.why = failed, byHand
	}
	return err
}

// giveUpDropped gives a file up that was dropped before, and is complete now.
func (f *Forwarder) giveUpDropped(one *file, i, turn int) {
	one.legs[i] = leg{state: failed, why: byHand, turn: turn}
	if f.giveUp(one, i) == nil { // else it is again when all is looked through
		delete(f.dropped, makingOf(one.look.version))
	}
}

// pruneDropped forgets what was dropped and never became complete. It waits for a second
// look, since one that has just been published may not have been seen here yet.
func (f *Forwarder) pruneDropped() {
	for m, d := range f.dropped {
		switch {
		case d.over:
			delete(f.dropped, m)
		case d.coming == nil:
			d.over = f.files[d.path] == nil
		default:
			_, d.over, _ = d.coming.Wait(context.Background(), -1) // which does not wait
		}
	}
}

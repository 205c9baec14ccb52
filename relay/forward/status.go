package forward

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// counts are those of the whole drop.
type counts struct {
	looped atomic.Uint64
}

// Status is what one forward is doing.
type Status struct {
	To       string
	Waiting  int // files, those that are tried again too
	Carried  int // files under way
	Failed   int // files given up that are still there
	Oldest   time.Time
	Sent     uint64 // files, since the start
	Bytes    uint64 // over the network
	Retries  uint64
	GivenUp  uint64
	Looped   uint64
	LastSaid string // the last failure of a file that waits
}

// Item is one file of a forward's queue.
type Item struct {
	Path  string
	To    string
	Size  int64
	State string // arriving | settling | waiting | carried | failed
	Since time.Time
	Tries int
	Next  time.Time
	Why   string
}

// errStopped is what is asked of a forwarder that does not run (yet, or any more).
var errStopped = errors.New("this drop forwards nothing now")

// answerTime is how long the owner may take.
const answerTime = 2 * time.Second

// ask runs a function on the owner's goroutine.
func (f *Forwarder) ask(order func()) error {
	done := make(chan struct{})
	late := time.NewTimer(answerTime)
	defer late.Stop()
	select {
	case f.orders <- func() { order(); close(done) }:
		<-done
		return nil
	case <-late.C:
		return errStopped
	}
}

// Statuses are those of the forwards, in their order; what cannot be had is left out.
func (f *Forwarder) Statuses() (all []Status) {
	_ = f.ask(func() {
		for i, r := range f.routes {
			s := Status{
				To: r.config.To, Carried: r.busy, Sent: r.sentFiles.Load(), Bytes: r.sentBytes.Load(),
				Retries: r.retries.Load(), GivenUp: r.failedFiles.Load(), Looped: f.counts.looped.Load(),
			}
			for _, one := range f.files {
				if !one.queued || !one.legs[i].state.pending() {
					continue
				}
				l := &one.legs[i]
				if l.state == waiting {
					s.Waiting++
				}
				if s.Oldest.IsZero() || l.since.Before(s.Oldest) {
					s.Oldest = l.since
				}
				if l.why != "" {
					s.LastSaid = l.why
				}
			}
			f.book.each(r.config.To, func(path string, rec record) {
				if rec.failed() {
					s.Failed++
				}
			})
			all = append(all, s)
		}
	})
	return all
}

// Queue lists what is not done with, and what was given up.
func (f *Forwarder) Queue() (all []Item, err error) {
	err = f.ask(func() {
		for _, one := range f.files {
			if !one.queued {
				if f.isDropped(one.look.version) {
					continue
				}
				all = append(all, Item{Path: one.path, Size: one.look.version.Size, State: "settling", Since: one.look.changed})
				continue
			}
			for i, r := range f.routes {
				l := one.legs[i]
				item := Item{one.path, r.config.To, one.look.version.Size, "carried", l.since, l.tries, l.next, l.why}
				switch l.state {
				case waiting:
					item.State, item.Next = "waiting", r.nextTry(l.next)
				case carried:
				case unwanted, sent, failed:
					continue
				}
				all = append(all, item)
			}
		}
		all = append(all, f.arriving()...)
		for _, r := range f.routes {
			f.book.each(r.config.To, func(path string, rec record) {
				if rec.failed() {
					all = append(all, Item{Path: path, To: r.config.To, Size: rec.Version.Size, State: "failed", Since: rec.At, Why: rec.Error})
				}
			})
		}
	})
	slices.SortFunc(all, func(a, b Item) int { return strings.Compare(a.Path+"\x00"+a.To, b.Path+"\x00"+b.To) })
	return all, err
}

// arriving are the files that are sent while they arrive; once they are there, they are
// carried like others.
func (f *Forwarder) arriving() (all []Item) {
	for path, legs := range f.ahead {
		for i, a := range legs {
			if a.underWay() {
				all = append(all, Item{Path: path, To: f.routes[i].config.To, Size: a.coming.Size, State: "arriving", Since: a.since})
			}
		}
	}
	return all
}

package forward

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"relay/relay/drop"
	"relay/relay/transfer"
)

// A large file that arrives in the drop goes on while it arrives: two hops take little
// longer than one. A courier of the route brings what there is to the next drop, which
// shows nobody anything yet; when the file is published here, and so whole and verified, it
// becomes one like all others, but for its bytes, which are there already. Whatever goes
// wrong before, the next drop is told to forget them, and the file goes when it is there.

// ahead is a file that is sent on one route while it still arrives.
type ahead struct {
	coming   *drop.Arriving
	order    chan parcel // what to complete
	since    time.Time
	given    bool // the order
	unwanted context.Context
	forget   context.CancelFunc // ends unwanted
}

// underWay reports that it is still to be completed, or given back.
func (a *ahead) underWay() bool { return a != nil && !a.given && a.unwanted.Err() == nil }

// errAhead is why a file that was sent ahead has to be sent again.
var errAhead = errors.New("not sent while it arrived")

// finishTime is how long it may take from the last byte until the file is published. A
// resumable upload may wait for its last request for ever.
const finishTime = 5 * time.Minute

// sendAhead has couriers that are free begin with a file that arrives.
func (f *Forwarder) sendAhead(ctx context.Context, a *drop.Arriving) {
	if apart(a.Path) || f.config.DoneMarker != "" || f.ahead[a.Path] != nil || strings.Contains(a.Via, f.book.id) {
		return
	}
	all := make([]*ahead, len(f.routes))
	for i, r := range f.routes {
		if before := f.files[a.Path]; before != nil && before.queued && before.legs[i].state.pending() {
			continue // what has the name now goes first
		}
		if !r.wants(a.Path) || !r.goesAhead(time.Now()) {
			continue
		}
		one := &ahead{coming: a, order: make(chan parcel, 1), since: time.Now()}
		one.unwanted, one.forget = context.WithCancel(ctx)
		all[i] = one
		r.busy++
		r.early++
		f.done.Go(func() { f.returned <- r.carryAhead(ctx, f.book, i, one) })
		f.ahead[a.Path] = all
	}
}

// goesAhead reports that a courier is free for a file that is still arriving. One is left for
// what is there already, if the route has several: a client may be slow.
func (r *route) goesAhead(now time.Time) bool {
	return !r.until.After(now) && r.busy < r.config.Parallel && r.early < max(r.config.Parallel-1, 1)
}

// aheadOn is the file of this name that a route is sending ahead.
func (f *Forwarder) aheadOn(path string, i int) *ahead {
	if all := f.ahead[path]; all != nil {
		return all[i]
	}
	return nil
}

// complete is called when a file has been published, and looked at: what was sent ahead is
// completed, if it is that which is to be sent.
func (f *Forwarder) complete(path string) {
	one := f.files[path]
	for i, a := range f.ahead[path] {
		if a == nil || a.given {
			continue
		}
		if one != nil && one.queued && one.legs[i].state == waiting && a.is(one.look.version) {
			one.legs[i].state = carried
			one.reports++
			a.given = true
			a.order <- one.parcel(i)
		} else {
			a.forget()
		}
	}
}

// is reports that a version is what was published.
func (a *ahead) is(v transfer.Version) bool {
	done, ok := a.coming.Published()
	i := done.Info
	published := transfer.Version{Ino: a.coming.Ino, Size: i.Size, Mtime: time.Unix(i.Sec, i.Nsec).UnixNano(), Born: a.coming.Born}
	return ok && v == published
}

// aheadBack is told that a courier is back from a file that it sent ahead.
func (f *Forwarder) aheadBack(r back) {
	r.ahead.forget()
	f.routes[r.route].early--
	path := r.ahead.coming.Path
	all := f.ahead[path]
	for i, a := range all {
		if a == r.ahead {
			all[i] = nil
		}
		if all[i] != nil {
			return
		}
	}
	delete(f.ahead, path)
}

// carryAhead sends a file while it arrives. It runs beside the owner.
func (r *route) carryAhead(ctx context.Context, b *book, i int, one *ahead) back {
	began := time.Now()
	all := []result{{parcel: parcel{path: one.coming.Path}}}
	home := back{route: i, ahead: one, files: all}
	c, err := r.courier(ctx, b)
	if err != nil {
		all[0].err = fmt.Errorf("%w: %w", errAhead, err)
		return home
	}
	before := c.Moved()
	all[0] = r.goAhead(ctx, b, c, one)
	r.sentBytes.Add(uint64(c.Moved() - before))
	r.release(ctx, c, all[0].err)
	r.remember(b, all)
	if err := all[0].err; errors.Is(err, errAhead) {
		r.log.Debug().Str("file", one.coming.Path).Err(err).Msg("it goes when it is there")
	}
	r.tell(all, began, true)
	r.note(ctx, b, all)
	return home
}

func (r *route) goAhead(ctx context.Context, b *book, c *transfer.Courier, one *ahead) result {
	path, local := one.coming.Path, filepath.Join(r.drop, one.coming.Path)
	not := func(err error) result {
		return result{parcel: parcel{path: path}, err: fmt.Errorf("%w: %w", errAhead, err)}
	}
	file, err := one.coming.Open()
	if err != nil {
		return not(err)
	}
	from := transfer.Growing{File: file, Size: one.coming.Size, Await: one.await}
	if slices.Contains(one.coming.Computed, digests[r.config.Digest].String()) {
		from.Digests = one.coming.Digests
	}
	a, err := c.Begin(local, path, join(one.coming.Via, b.id), from)
	if err != nil {
		file.Close()
		return not(err)
	}
	if err := a.Send(); err != nil {
		a.Cancel()
		return not(err)
	}
	p, ok := one.ordered()
	if !ok || cameThrough(r.drop, path) != one.coming.Via {
		a.Cancel()
		return result{parcel: parcel{path: path, version: p.version}, err: errAhead}
	}
	d, err := a.Finish(p.version)
	return result{parcel: p, delivery: d, err: err}
}

// await waits for more of the file, unless it is not wanted any more.
func (a *ahead) await(ctx context.Context, than int64) (have int64, over bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(a.unwanted, stop)()
	return a.coming.Wait(ctx, than)
}

// ordered waits until the file was published here and its turn has come; false is never.
func (a *ahead) ordered() (p parcel, ok bool) {
	ctx, stop := context.WithTimeout(a.unwanted, finishTime)
	defer stop()
	if _, _, err := a.coming.Wait(ctx, a.coming.Size); err != nil {
		return p, false
	}
	if done, published := a.coming.Published(); !published || done.Path != a.coming.Path {
		return p, false
	}
	select {
	case p = <-a.order:
		return p, true
	case <-ctx.Done():
		return p, false
	}
}

// forgo has the next drops forget what an earlier process began to send ahead.
func (r *route) forgo(ctx context.Context, b *book) {
	c, err := r.courier(ctx, b)
	if err != nil {
		return // whoever carries a file says so
	}
	if err := c.Forgo(); err != nil {
		r.log.Warn().Err(err).Msg("uploads that were begun could not be looked for")
	}
	c.Rest()
}

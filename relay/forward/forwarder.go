package forward

import (
	"context"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
	"relay/relay/drop"
)

// Forwarder sends what lands in one drop on to others.
type Forwarder struct {
	config config.Drop
	log    zerolog.Logger
	cancel context.CancelFunc
	done   sync.WaitGroup
	orders chan func()             // run by the owner of all below
	mail   mailbox[string]         // of names that have arrived by way of the drop
	begun  mailbox[*drop.Arriving] // of files that begin to

	book     *book
	watch    *watch
	files    map[string]*file
	ahead    map[string][]*ahead // files that are sent while they arrive, by their names; a place for each route
	routes   []*route
	alarms   alarms
	blind    bool // a directory could not be watched; said once
	leaving  bool // couriers come back because they were called
	returned chan result
	counts   counts
}

// file is one that is not done with.
type file struct {
	path    string
	look    look
	still   time.Time // since when it is that
	queued  bool      // it is complete
	legs    []leg
	reports int // of couriers that have it now
	stale   bool
}

// leg is what a file's way along one route is like.
type leg struct {
	state state
	since time.Time // it was complete
	tries int
	next  time.Time
	why   string // the last try failed
	last  bool   // there is none after this one
}

// state is how far a file is on a route.
type state uint8

// A leg goes unwanted, or waiting → carried → sent or failed, and back from carried to
// waiting when a try fails.
const (
	unwanted state = iota
	waiting
	carried
	sent
	failed
)

// New makes a forwarder of a drop that has forwards.
func New(c config.Drop, log zerolog.Logger) *Forwarder {
	f := &Forwarder{
		config: c, log: log.With().Str("drop", c.Name).Logger(), orders: make(chan func()),
		files: map[string]*file{}, ahead: map[string][]*ahead{}, returned: make(chan result),
	}
	f.mail.ready, f.begun.ready = make(chan struct{}, 1), make(chan struct{}, 1)
	for _, fc := range c.Forwards {
		f.routes = append(f.routes, &route{config: fc, drop: c.Directory, log: f.log.With().Str("to", fc.To).Logger()})
	}
	return f
}

// Start sets it to work. What stands in its way (another process that still has the
// directory, say) is logged and waited for.
func (f *Forwarder) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	err := f.open()
	f.done.Go(func() { f.run(ctx, err) })
}

// Stop ends it. What was on its way goes on from there when another is started.
func (f *Forwarder) Stop() {
	if f.cancel != nil {
		f.cancel()
		f.done.Wait()
	}
}

// openEvery is how often to try again to open the book.
const openEvery = time.Second

func (f *Forwarder) run(ctx context.Context, err error) {
	for said := ""; err != nil; err = f.open() {
		if err.Error() != said {
			said = err.Error()
			f.log.Error().Err(err).Msg("nothing is forwarded; trying again until it works")
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(openEvery):
		}
	}
	var watching sync.WaitGroup
	watching.Go(func() { f.watch.run(ctx.Done()) })
	f.own(ctx)
	f.watch.close()
	watching.Wait()
	f.book.close()
}

func (f *Forwarder) open() (err error) {
	if f.book, err = openBook(f.config.Directory); err != nil {
		return err
	}
	if f.watch, err = newWatch(f.config.Directory); err != nil {
		f.book.close()
	}
	return err
}

// own looks after the files until the end, and then waits for the couriers.
func (f *Forwarder) own(ctx context.Context) {
	defer f.recall()
	for _, r := range f.routes {
		f.done.Go(func() { r.forgo(ctx, f.book) })
	}
	f.scan(ctx)
	f.log.Info().Int("forwards", len(f.routes)).Str("id", f.book.id).Msg("forwarding")
	rescan := time.NewTicker(f.config.Rescan)
	defer rescan.Stop()
	for {
		f.dispatch(ctx)
		alarm := f.alarms.timer()
		select {
		case <-ctx.Done():
			return
		case c := <-f.watch.changes:
			f.changed(ctx, c)
		case <-f.mail.ready:
			for _, path := range f.mail.take() {
				f.consider(path, true)
				f.complete(path)
			}
		case <-f.begun.ready:
			for _, a := range f.begun.take() {
				f.sendAhead(ctx, a)
			}
		case r := <-f.returned:
			f.report(r)
		case order := <-f.orders:
			order()
		case now := <-alarm:
			for _, path := range f.alarms.due(now) {
				f.consider(path, false)
			}
		case <-rescan.C:
			f.scan(ctx)
			f.prune()
		}
	}
}

// recall waits for the couriers, whose connections the end of the context has broken.
func (f *Forwarder) recall() {
	f.leaving = true
	for _, r := range f.routes {
		for r.busy > 0 {
			f.report(<-f.returned)
		}
	}
}

// scan looks through everything.
func (f *Forwarder) scan(ctx context.Context) { f.scanBelow(ctx, ".") }

func (f *Forwarder) scanBelow(ctx context.Context, dir string) {
	f.watch.scan(dir, func() bool { return ctx.Err() != nil }, func(path string) { f.consider(path, false) }, func(err error) {
		if !f.blind {
			f.blind = true
			f.log.Warn().Err(err).Msg("a directory cannot be watched; its files are found when all is looked through (fs.inotify.max_user_watches)")
		}
	})
}

func (f *Forwarder) changed(ctx context.Context, c change) {
	switch {
	case c.all:
		f.scan(ctx)
	case c.dir:
		if !apart(c.path) {
			f.scanBelow(ctx, c.path)
		}
	default:
		f.consider(c.path, c.whole)
	}
}

// consider looks at a name: is it a file to be forwarded, and complete? whole says that
// it came at once.
func (f *Forwarder) consider(path string, whole bool) {
	if apart(path) {
		return
	}
	if marker := f.config.DoneMarker; marker != "" {
		base, isMarker := strings.CutSuffix(path, marker)
		if isMarker {
			path = base
		}
		if _, err := lookAt(f.config.Directory, path+marker); err != nil {
			return
		}
		whole = true
	}
	l, err := lookAt(f.config.Directory, path)
	known := f.files[path]
	switch {
	case err != nil:
		f.vanished(path)
		return
	case known != nil && known.queued && known.look.version == l.version:
		return
	case known != nil && known.reports > 0:
		known.stale = true // looked at again when its couriers are back
		return
	}
	now := time.Now()
	one := &file{path: path, look: l, still: stillSince(known, l, now)}
	f.files[path] = one
	if !whole {
		if wait := settles(filepath.Join(f.config.Directory, path), one.still, f.config.Settle); wait > 0 {
			f.alarms.set(path, now.Add(wait))
			return
		}
	}
	f.enqueue(one)
}

// enqueue gives a complete file its legs, of which some may have been gone before.
func (f *Forwarder) enqueue(one *file) {
	one.queued = true
	one.legs = make([]leg, len(f.routes))
	looped := strings.Contains(cameThrough(f.config.Directory, one.path), f.book.id)
	now := time.Now()
	for i, r := range f.routes {
		rec, known := f.book.get(r.config.To, one.path)
		switch {
		case !r.wants(one.path):
		case known && rec.Version == one.look.version && rec.Sent:
			one.legs[i].state = sent
		case known && rec.Version == one.look.version && rec.Looped:
		case known && rec.Version == one.look.version:
			one.legs[i] = leg{state: failed, why: rec.Error}
		case looped:
			f.counts.looped.Add(1)
			_ = f.book.put(r.config.To, one.path, record{Version: one.look.version, Looped: true, At: now}) // else it is noticed again
			f.log.Warn().Str("file", one.path).Str("to", r.config.To).
				Msg("not forwarded: it came through here before; a loop of forwards leads back to this drop")
		default:
			one.legs[i] = leg{state: waiting, since: now}
			r.line = append(r.line, one)
		}
	}
	f.settleFile(one)
}

// dispatch gives waiting files to couriers that are free.
func (f *Forwarder) dispatch(ctx context.Context) {
	now := time.Now()
	for i, r := range f.routes {
		if r.until.After(now) {
			f.alarms.wake(r.until)
			continue
		}
		kept := r.line[:0]
		for n, one := range r.line {
			if r.busy >= r.config.Parallel {
				kept = append(kept, r.line[n:]...)
				break
			}
			l := &one.legs[i]
			switch {
			case f.files[one.path] != one || l.state != waiting: // it is another now, or was dropped
			case f.aheadOn(one.path, i) != nil: // it is to be completed, or will be given back
				kept = append(kept, one)
			case l.next.After(now):
				kept = append(kept, one)
				f.alarms.wake(l.next)
			default:
				l.state = carried
				one.reports++
				r.busy++
				f.done.Go(func() { f.returned <- r.carry(ctx, f.book, i, one.path, one.look.version) })
			}
		}
		clear(r.line[len(kept):])
		r.line = kept
	}
}

// vanished forgets a file that is not there any more.
func (f *Forwarder) vanished(path string) {
	one := f.files[path]
	if one == nil {
		return
	}
	if one.reports > 0 {
		one.stale = true
		return
	}
	delete(f.files, path)
}

// prune has the book forget what is long gone.
func (f *Forwarder) prune() {
	there := func(path string) bool {
		_, err := lookAt(f.config.Directory, path)
		if err != nil {
			_, err = lookAt(f.config.Directory, failedDirectory+"/"+path)
		}
		return err == nil
	}
	for _, r := range f.routes {
		f.book.prune(r.config.To, there, time.Now())
	}
}

// matches reports that a name, or its last part, is like one of the patterns.
func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		whole, _ := path.Match(p, name) // the configuration was checked
		last, _ := path.Match(p, path.Base(name))
		if whole || last {
			return true
		}
	}
	return false
}

package forward

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"relay/relay/transfer"
)

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
	turn  int    // see record
	noted bool   // the book knows since when
	alone bool   // a connection broke over it and others
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

// pending reports that the file is still to be sent, or on its way.
func (s state) pending() bool { return s == waiting || s == carried }

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
		f.removeMarker(path)
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
	dropped := f.isDropped(one.look.version)
	looped := strings.Contains(cameThrough(f.config.Directory, one.path), f.book.id)
	now := time.Now()
	for i, r := range f.routes {
		rec, known := f.book.get(r.config.To, one.path)
		turn := rec.turnOf(one.look.version, known)
		known = known && rec.of(one.look.version)
		switch {
		case !r.wants(one.path):
		case known && rec.Sent:
			one.legs[i].state = sent
		case known && rec.Looped:
		case known:
			one.legs[i] = leg{state: failed, why: rec.Error}
		case dropped:
			f.giveUpDropped(one, i, turn)
		case looped:
			f.counts.looped.Add(1)
			_ = f.book.put(r.config.To, entry{one.path, record{Version: one.look.version, Looped: true, At: now, Turn: turn}}) // else it is noticed again
			f.log.Warn().Str("file", one.path).Str("to", r.config.To).
				Msg("not forwarded: it came through here before; a loop of forwards leads back to this drop")
		default:
			one.legs[i] = leg{state: waiting, since: now, turn: turn}
			if before, ok := f.book.tried(r.config.To, one.path); ok && before.Version == one.look.version && before.At.Before(now) {
				one.legs[i].since, one.legs[i].noted = before.At, true
			}
			r.line = append(r.line, one)
		}
	}
	f.conclude(one)
}

// dispatch gives waiting files to couriers that are free.
func (f *Forwarder) dispatch(ctx context.Context) {
	now := time.Now()
	for i, r := range f.routes {
		if r.until.After(now) {
			f.alarms.wake(r.until)
			continue
		}
		for r.busy < r.config.Parallel {
			load := f.nextLoad(i, now)
			if len(load) == 0 {
				break
			}
			r.busy++
			f.done.Go(func() { f.returned <- r.carry(ctx, f.book, i, load) })
		}
	}
}

// passedMost is how many files of a line a courier that could carry more is not given.
const passedMost = 1 << 10

// nextLoad takes from the line of a route what its next courier is to carry: a file, or many
// small ones where the receiver takes those in one request.
func (f *Forwarder) nextLoad(i int, now time.Time) (load []parcel) {
	r := f.routes[i]
	most := 1
	if r.together.Load() {
		most = transfer.TogetherMost
	}
	kept := r.line[:0]
	for n, one := range r.line {
		if len(load) == most || len(load) > 0 && len(kept) >= passedMost {
			kept = append(kept, r.line[n:]...)
			break
		}
		l := &one.legs[i]
		alone := l.alone || one.look.version.Size > transfer.TogetherBytes
		switch {
		case f.files[one.path] != one || l.state != waiting: // it is another now, or was dropped
		case f.aheadOn(one.path, i) != nil, // it is to be completed, or will be given back
			alone && len(load) > 0:
			kept = append(kept, one)
		case l.next.After(now):
			kept = append(kept, one)
			f.alarms.wake(l.next)
		default:
			load = append(load, one.parcel(i))
			l.state = carried
			one.reports++
			if alone {
				most = 1
			}
		}
	}
	clear(r.line[len(kept):])
	r.line = kept
	return load
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

// prune forgets files that somebody else took away, and has the book forget what is long gone.
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
	for path := range f.files {
		if _, err := lookAt(f.config.Directory, path); errors.Is(err, os.ErrNotExist) {
			f.vanished(path)
		}
	}
	f.pruneDropped()
	f.tidy(time.Now())
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

package forward

import (
	"errors"
	"time"

	"relay/relay/transfer"
)

// retryFirst is how long after a failure a file is tried again; each further one doubles
// it, up to the forward's retry.
const retryFirst = time.Second

// triesTogether is how often a file is refused before it goes by itself: it may be several
// together that the receiver has no room for.
const triesTogether = 3

// report takes what a courier has come back with.
func (f *Forwarder) report(r back) {
	route := f.routes[r.route]
	if route.busy--; route.busy == 0 {
		route.rest()
	}
	if r.ahead != nil {
		if f.aheadBack(r); !r.ahead.given {
			return
		}
	}
	for i := range r.files {
		f.reportFile(r.route, &r.files[i])
	}
}

func (f *Forwarder) reportFile(i int, r *result) {
	one, route := f.files[r.path], f.routes[i]
	if one == nil {
		return
	}
	one.reports--
	leg := &one.legs[i]
	leg.noted = leg.noted || r.noted
	leg.alone = leg.alone || r.alone // until it is another file
	switch {
	case r.err == nil:
		leg.state = sent
		route.down = 0
	case leg.last && (f.leaving || errors.Is(r.err, errAhead)) && f.giveUp(one, i) == nil:
	case f.leaving:
		leg.state = waiting
	case errors.Is(r.err, errAhead):
		leg.state = waiting
		route.line = append(route.line, one)
	case transfer.Vanished(r.err):
		leg.state, one.stale = unwanted, true
	case errors.Is(r.err, transfer.ErrOther):
		leg.state, one.stale = waiting, true
	default:
		f.failed(one, i, r.err)
	}
	if one.stale && one.reports == 0 {
		delete(f.files, one.path)
		f.consider(one.path, false)
		return
	}
	f.conclude(one)
}

// failed has a file tried again, or gives it up.
func (f *Forwarder) failed(one *file, i int, err error) {
	leg, r := &one.legs[i], f.routes[i]
	now := time.Now()
	leg.tries++
	leg.why = err.Error()
	limit := r.config.GiveUpAfter
	if leg.last || limit > 0 && now.Sub(leg.since) >= limit {
		if e := f.book.put(r.config.To, entry{one.path, record{Version: one.look.version, Error: leg.why, At: now, Turn: leg.turn}}); e == nil {
			leg.state = failed
			r.failedFiles.Add(1)
			r.log.Error().Str("file", one.path).Int("tries", leg.tries).Err(err).Msg("given up")
			return
		}
	}
	r.retries.Add(1)
	leg.state = waiting
	if transfer.Absent(err) {
		r.absent(one.path, err)
		r.line = append(r.line, one)
		return
	}
	leg.alone = leg.alone || leg.tries >= triesTogether
	leg.next = now.Add(retryAfter(leg.tries, r.config.Retry))
	r.line = append(r.line, one)
	r.log.Warn().Str("file", one.path).Int("tries", leg.tries).Time("next", leg.next).Err(err).Msg("not forwarded; trying again")
}

// absent has all files of a route wait, since nobody is there to take them.
func (r *route) absent(path string, err error) {
	if now := time.Now(); now.After(r.until) { // else another courier has found the same
		r.down++
		r.until = now.Add(retryAfter(r.down, r.config.Retry))
		r.log.Warn().Str("file", path).Int("tries", r.down).Time("next", r.until).Err(err).Msg("nobody takes what is forwarded; all wait")
	}
}

// nextTry is when a file may be tried that waits until next, while its route may wait, too.
func (r *route) nextTry(next time.Time) time.Time {
	if r.until.After(next) && r.until.After(time.Now()) {
		return r.until
	}
	return next
}

func retryAfter(tries int, most time.Duration) time.Duration {
	const doublings = 20
	if tries > doublings {
		return most
	}
	return min(retryFirst<<(tries-1), most)
}

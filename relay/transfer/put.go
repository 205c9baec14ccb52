package transfer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// putLane is a lane that sends. Small files are put one after the other without waiting
// for the answers, and in bundles where the server takes them (bundle.go); a large one waits
// until all answers have come, and has the connection to itself.
type putLane struct {
	lane[*post]
	under Place // the directory that all files go beneath
	large *post // comes next
	broke error // nothing more can be sent; answers may still come
	bundler
}

// drive sends until nothing is left.
func (l *putLane) drive() {
	l.scratch, l.rate = make([]byte, inMemory), l.run.Rate
	l.lane.drive(l)
}

// fill puts files until enough are under way, many in one write: it begins when half of
// those before are answered. more is false at the end of all work.
func (l *putLane) fill() (more bool, err error) {
	most, bytes := l.windowLimits()
	if len(l.window) > most/2 || l.bundling() && l.ahead > bytes/2 {
		return true, nil
	}
	for l.large == nil && l.broke == nil && len(l.window) < most && l.ahead < bytes {
		p, ok := l.queue.take(len(l.window) == 0)
		if !ok {
			break
		}
		if p.size > inMemory {
			l.large = p
			break
		}
		if err := l.put(p); err != nil {
			return true, err
		}
	}
	l.closeBundle()
	if l.wire != nil && l.broke == nil {
		l.broke = l.wire.flush()
	}
	return len(l.window) > 0 || l.large != nil, nil
}

// put sends one small file. An error is the connection's; the file's own are settled.
func (l *putLane) put(p *post) error {
	w, err := l.dial(p.to.host)
	if err != nil {
		l.queue.giveBack(p)
		return err
	}
	s, content, err := l.load(p)
	switch {
	case errors.Is(err, errGrown):
		l.large = p
		return nil
	case errors.Is(err, errChanged):
		l.again(p, err)
		return nil
	case err != nil:
		l.give(p, err)
		return nil
	}
	l.run.Tell(p.event(Started))
	l.run.pace.take(l.ctx, p.size)
	if l.bundlesNow(p) {
		l.pack(p, s, content)
	} else {
		l.closeBundle()
		w.ask("PUT", p.to, l.run.Token, append(p.fields(s, p.id), field{"Content-Length", strconv.Itoa(len(content))})...)
		l.append(content)
	}
	l.expect(p, p.size)
	return nil
}

// putTogether is how many bytes of requests are gathered into one write.
const putTogether = 64 << 10

// append has content follow the head of its request.
func (l *putLane) append(content []byte) {
	w := l.wire
	switch {
	case l.broke != nil:
	case len(content)+len(w.out) <= putTogether:
		w.out = append(w.out, content...)
	default:
		if l.broke = w.flush(); l.broke == nil {
			l.broke = w.write(content)
		}
	}
}

// errGrown is what becomes of a small file that is none any more.
var errGrown = errors.New("it has grown")

// load reads a file. The source tells what it is, and is closed.
func (l *putLane) load(p *post) (*source, []byte, error) {
	s, err := openSource(p.path)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	p.sized(l.run, s.look.Size)
	if p.size > inMemory {
		return nil, nil, errGrown
	}
	content, err := l.read(p, s, l.scratch)
	if err == nil && (p.id == "" || p.look != s.look) { // another content is another transfer
		p.id, p.look = newID(), s.look
	}
	return s, content, err
}

// next takes the oldest answer, or sends the large file when none is to come.
func (l *putLane) next() error {
	if len(l.window) == 0 {
		if l.broke != nil {
			return l.broke
		}
		if l.large != nil {
			l.sendAlone()
		}
		return nil
	}
	res, err := l.wire.hear("PUT")
	if err != nil {
		return err
	}
	if l.window[0].files > 0 {
		err = l.unpack(res)
	} else {
		l.run.bundles.learn(res)
		l.window[0].file.storedAt(where(res))
		l.judge(taken(l.window[0].file.to, res), true)
	}
	if err == nil && !goesOn(res) {
		l.reset()
	}
	return err
}

// judge deals with the oldest file that was sent, by what its answer says. If it is to be
// tried again later, one of several waits until then, and waited says that this one has.
func (l *putLane) judge(err error, wait bool) (waited bool) {
	p := l.window[0].file
	l.answered()
	switch {
	case err == nil:
		l.run.moved(p.size)
		arrived(l.run, l.queue, p, p.sum)
	case errors.Is(err, errSpoilt):
		l.again(p, err)
	case isFinal(err):
		l.run.patience.moved() // that is settled, too
		l.give(p, err)
	default:
		l.later(l, p, err, wait)
		return wait
	}
	return false
}

// sendAlone sends the large file.
func (l *putLane) sendAlone() {
	p := l.large
	l.large = nil
	got, err := l.sendLarge(p)
	if err != nil {
		l.give(p, err)
		return
	}
	p.moved = p.size
	l.run.BytesDone.Add(p.size) // what was counted while it went was taken back
	arrived(l.run, l.queue, p, got)
}

// give gives a file up.
func (l *putLane) give(p *post, err error) {
	switch {
	case l.ctx.Err() != nil && errors.Is(err, context.Cause(l.ctx)): // all are given up, and that is said once
	case l.run.hopeless(err):
		l.giveUp(err)
	default:
		l.run.fail(p.event(Failed), err)
	}
	l.queue.settle()
}

// again has a file read and sent anew that changed, or came damaged.
func (l *putLane) again(p *post, err error) {
	if p.spoilt++; p.spoilt >= changesMost {
		l.give(p, fmt.Errorf("%s: given up after %d times: %w", p.path, p.spoilt, err))
		return
	}
	retry(l.run, l.queue, p, err)
}

// reset closes the connection; what was put on it and not answered goes back.
func (l *putLane) reset() {
	if l.large != nil && l.ctx.Err() != nil {
		l.queue.giveBack(l.large)
		l.large = nil
	}
	if len(l.window) > 0 && l.window[0].files > 0 {
		l.resize(l.room / 2)      // it may have been too much for this line,
		l.run.bundles.brokeOnce() // or for whoever is between
	}
	l.broke, l.packed = nil, 0
	l.lane.reset()
}

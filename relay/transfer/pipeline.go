package transfer

import "sync"

const (
	// finishers is how many files are brought to the disk at a time: the file system
	// writes them together.
	finishers = 16
	// spoiltMost is how often a file may arrive damaged.
	spoiltMost = 3
)

// getLane is one connection of a fetching run, and the goroutine that drives it.
type getLane struct {
	caller
	queue   *queue[*fetch]
	landed  chan<- *landed
	window  []*fetch // asked for, in order
	ahead   int64    // bytes of them
	failed  int      // connections in a row that brought nothing
	scratch []byte
}

// drive fetches until nothing is left.
func (l *getLane) drive() {
	l.scratch = make([]byte, spliceLeast)
	drive(l.ctx, l)
	l.drop()
}

// fill asks for files until enough are under way. more is false at the end of all work.
func (l *getLane) fill() (more bool, err error) {
	for len(l.window) < windowMost && l.ahead < windowBytes {
		f, ok := l.queue.take(len(l.window) == 0)
		if !ok {
			break
		}
		if _, err := l.dial(l.host); err != nil {
			l.queue.giveBack(f)
			return true, err
		}
		if err := l.request(f); err != nil {
			l.settle(f, err)
			continue
		}
		l.window = append(l.window, f)
		f.ahead = f.size
		l.ahead += f.ahead
	}
	if len(l.window) == 0 {
		return false, nil
	}
	return true, l.wire.flush()
}

// next takes the answer to the oldest request.
func (l *getLane) next() error {
	f := l.window[0]
	res, err := l.wire.hear("GET")
	if err != nil {
		return err
	}
	done, usable, err := l.answer(f, res)
	if err != nil && !usable && !isFinal(err) {
		return err
	}
	l.window = l.window[1:]
	l.ahead -= f.ahead
	l.failed = 0
	l.run.patience.moved()
	switch {
	case err == nil:
		l.finish(done)
	case isFinal(err):
		l.settle(f, err)
	default:
		l.later(f, err)
	}
	if !usable {
		l.drop()
	}
	return nil
}

// finish publishes a file, or has it done where syncing is to be waited for.
func (l *getLane) finish(d *landed) {
	if l.run.Durable || d.follower != nil {
		l.landed <- d
		return
	}
	l.run.finish(l.queue, d)
}

// finishAll publishes what has landed until the channel closes.
func (r *Run) finishAll(q *queue[*fetch], from <-chan *landed) *sync.WaitGroup {
	var all sync.WaitGroup
	for range finishers {
		all.Go(func() {
			for d := range from {
				r.finish(q, d)
			}
		})
	}
	return &all
}

func (r *Run) finish(q *queue[*fetch], d *landed) {
	f := d.fetch
	if err := d.verify(); err != nil {
		f.part.discard()
		f.part = nil
		if f.spoilt++; isFinal(err) || f.spoilt >= spoiltMost {
			r.fail(f.event(Failed), err)
			q.settle()
			return
		}
		r.retry(q, f, err)
		return
	}
	if err := f.part.publish(d.attributes, r.Durable); err != nil {
		f.part.discard()
		r.fail(f.event(Failed), err)
		q.settle()
		return
	}
	e := f.event(Finished)
	if d.want.By != NoSum {
		e.Digest = d.want.String()
	}
	r.FilesDone.Add(1)
	r.Tell(e)
	q.settle()
}

// settle gives a file up.
func (l *getLane) settle(f *fetch, err error) {
	if f.part != nil {
		f.part.keep()
		f.part = nil
	}
	l.run.fail(f.event(Failed), err)
	l.queue.settle()
}

// later has a file tried again, unless it was tried for too long.
func (l *getLane) later(f *fetch, err error) {
	f.tries++
	if l.run.patience.failed() {
		l.settle(f, err)
		return
	}
	sleep(l.ctx, backoff(f.tries))
	l.run.retry(l.queue, f, err)
}

// retry puts a file back into the queue, and what is counted of it out of the progress.
func (r *Run) retry(q *queue[*fetch], f *fetch, err error) {
	e := f.event(Retried)
	e.Why = err.Error()
	r.Tell(e)
	f.release(r)
	q.giveBack(f)
}

// release forgets what of a file this connection knew.
func (f *fetch) release(r *Run) {
	r.BytesDone.Add(-f.moved)
	f.moved = 0
	if f.part != nil {
		f.part.keep()
		f.part = nil
	}
}

// broken gives up a connection, and after a while begins another.
func (l *getLane) broken(err error) {
	if l.ctx.Err() != nil {
		return
	}
	e := Event{Kind: Retried, URL: "http://" + l.host + "/", Size: NoSize, Why: err.Error()}
	if len(l.window) > 0 {
		f := l.window[0]
		e.URL, e.Path = f.from.String(), f.shown
		if f.tries++; f.tries >= triesMost {
			l.window = l.window[1:]
			l.settle(f, err)
		}
	}
	l.drop()
	l.failed++
	if l.impatient(err) != nil {
		return
	}
	l.run.Tell(e)
	sleep(l.ctx, backoff(l.failed))
}

// drop closes the connection; what was asked for on it goes back.
func (l *getLane) drop() {
	for _, f := range l.window {
		f.release(l.run)
		l.queue.giveBack(f)
	}
	l.window, l.ahead = nil, 0
	l.hangUp()
}

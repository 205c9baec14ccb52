package transfer

import "time"

// lane is one connection of a run, and the goroutine that drives it. It keeps several
// requests under way, whose answers come in their order (RFC 9112, 9.3.2).
type lane[T work] struct {
	caller
	queue   *queue[T]
	window  []asked[T] // in order; their answers are to come
	ahead   int64      // bytes of them
	failed  int        // connections in a row that brought nothing
	scratch []byte
}

// asked is a request under way.
type asked[T work] struct {
	file  T
	bytes int64 // that it moves, as far as was known when it was sent
	// files are how many one answer is for, this one and those behind it; 0 = it has its own.
	files int
	sent  time.Time // when those were
}

// work is one file of a run: a fetch or a post.
type work interface {
	event(Kind) Event
	// another counts a try that failed, and says how many there were.
	another() int
	// blamed does the same for a connection that broke, maybe over this one: it goes by
	// itself from now on.
	blamed() int
	// release forgets what of the file this connection knew, and takes what is counted of
	// it out of the progress.
	release(*Run)
}

// mover is what a lane does with its files: getLane fetches them, putLane sends them.
type mover[T work] interface {
	// fill sends requests until enough are under way. more is false at the end of all work.
	fill() (more bool, err error)
	// next takes the oldest answer.
	next() error
	// give gives a file up.
	give(x T, err error)
	// reset closes the connection; what was asked for on it goes back.
	reset()
}

const (
	// windowMost is how many requests one connection has under way.
	windowMost = 32
	// windowBytes is how many bytes are moved or asked for ahead of the answers. A large
	// file is not followed by others, which another connection could move meanwhile.
	windowBytes = 1 << 20
	// triesMost is how many connections in a row may break over one file that they bring
	// no byte of.
	triesMost = 10
)

// drive works until nothing is left to do, or the run has ended.
func (l *lane[T]) drive(m mover[T]) {
	defer m.reset()
	for l.ctx.Err() == nil {
		more, err := m.fill()
		if err == nil && !more {
			return
		}
		if err == nil {
			err = m.next()
		}
		if err != nil {
			l.broken(m, err)
		}
	}
}

// expect notes a request that was sent.
func (l *lane[T]) expect(x T, bytes int64) {
	l.window = append(l.window, asked[T]{file: x, bytes: bytes})
	l.ahead += bytes
}

// answered notes that the oldest request has its answer.
func (l *lane[T]) answered() {
	l.ahead -= l.window[0].bytes
	l.window = l.window[1:]
	l.failed = 0
}

// later has a file tried again after a while, unless that went on for too long. Of several
// that failed together one waits for all.
func (l *lane[T]) later(m mover[T], x T, err error, wait bool) {
	tries := x.another()
	if l.run.patience.failed() {
		m.give(x, err)
		return
	}
	if wait {
		sleep(l.ctx, backoff(tries))
	}
	retry(l.run, l.queue, x, err)
}

// broken gives up a connection that failed, and waits until there may be another.
func (l *lane[T]) broken(m mover[T], err error) {
	if l.ctx.Err() != nil {
		return
	}
	e := Event{Kind: Retried, Size: NoSize, Why: err.Error()}
	if l.host != "" {
		e.URL = "http://" + l.host + "/"
	}
	if len(l.window) > 0 {
		of := l.window[0].file.event(Retried)
		e.URL, e.Path = of.URL, of.Path
		l.blame(m, err)
	}
	m.reset()
	l.failed++
	if l.impatient(err) != nil {
		return
	}
	l.run.Tell(e)
	sleep(l.ctx, backoff(l.failed))
}

// blame counts a broken connection as a try of whose answer was to come next. One of several
// in a bundle is not given up for what another may have done: after a try it goes by itself.
func (l *lane[T]) blame(m mover[T], err error) {
	first := l.window[0]
	for i := range first.files {
		l.window[i].file.blamed()
	}
	if first.files == 0 && first.file.blamed() >= triesMost {
		l.window = l.window[1:]
		m.give(first.file, err)
	}
}

// reset closes the connection; what was asked for on it goes back.
func (l *lane[T]) reset() {
	for _, a := range l.window {
		a.file.release(l.run)
		l.queue.giveBack(a.file)
	}
	l.window, l.ahead = nil, 0
	l.hangUp()
}

// retry puts a file back into the queue.
func retry[T work](r *Run, q *queue[T], x T, err error) {
	e := x.event(Retried)
	e.Why = err.Error()
	r.Tell(e)
	x.release(r)
	q.giveBack(x)
}

// arrived settles a file that is whole at its place.
func arrived[T work](r *Run, q *queue[T], x T, of sum) {
	e := x.event(Finished)
	if of.By != NoSum {
		e.Digest = of.String()
	}
	r.FilesDone.Add(1)
	r.Tell(e)
	q.settle()
}

// attempts are what went wrong with a file.
type attempts struct {
	tries  int  // in a row that failed, without a byte of progress
	spoilt int  // times it came damaged, or changed while it was sent
	alone  bool // a connection has broken over it: it shares no request with others
}

func (a *attempts) blamed() int {
	a.alone = true
	return a.another()
}

func (a *attempts) another() int {
	a.tries++
	return a.tries
}

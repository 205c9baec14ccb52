package transfer

// getLane is a lane that fetches.
type getLane struct {
	lane[*fetch]
	landed chan<- *landed
}

// drive fetches until nothing is left.
func (l *getLane) drive() {
	l.scratch = make([]byte, spliceLeast)
	l.lane.drive(l)
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
			l.give(f, err)
			continue
		}
		l.expect(f, f.size)
	}
	if len(l.window) == 0 {
		return false, nil
	}
	return true, l.wire.flush()
}

// next takes the answer to the oldest request.
func (l *getLane) next() error {
	f := l.window[0].file
	res, err := l.wire.hear("GET")
	if err != nil {
		return err
	}
	done, usable, err := l.answer(f, res)
	if err != nil && !usable && !isFinal(err) {
		return err
	}
	l.answered()
	switch {
	case err == nil:
		l.finish(done)
	case isFinal(err):
		l.run.patience.moved() // that is settled, too
		l.give(f, err)
	default:
		l.later(l, f, err, true)
	}
	if !usable {
		l.reset()
	}
	return nil
}

// give gives a file up.
func (l *getLane) give(f *fetch, err error) {
	if f.part != nil {
		f.part.keep()
		f.part = nil
	}
	l.run.fail(f.event(Failed), err)
	l.queue.settle()
}

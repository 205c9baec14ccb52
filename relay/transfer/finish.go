package transfer

import "sync"

const (
	// finishers is how many files are brought to the disk at a time: the file system
	// writes them together.
	finishers = 16
	// spoiltMost is how often a file may arrive damaged.
	spoiltMost = 3
)

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
		retry(r, q, f, err)
		return
	}
	if err := f.part.publish(d.attributes, r.Durable); err != nil {
		f.part.discard()
		r.fail(f.event(Failed), err)
		q.settle()
		return
	}
	arrived(r, q, f, d.want)
}

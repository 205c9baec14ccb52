package flow

import (
	"sync"
	"time"

	"relay/relay/loop"
)

// Disk runs what may wait for a disk, on a few goroutines of its own, so that a loop
// never does. It is safe for concurrent use.
//
// The queue has no bound of its own: a session has a few jobs out at most, so sessions
// bound it.
type Disk struct {
	mu      sync.Mutex
	arrived sync.Cond
	queue   []job
	closed  bool
	running sync.WaitGroup
}

type job struct {
	work func()
	loop *loop.Loop
	back func()
}

// NewDisk starts workers goroutines; Close ends them.
func NewDisk(workers int) *Disk {
	d := &Disk{}
	d.arrived.L = &d.mu
	for range workers {
		d.running.Go(d.run)
	}
	return d
}

// Do runs work on a worker and then back on the loop's thread. What work writes back
// may read. A nil back is not run; after Close nothing is.
func (d *Disk) Do(l *loop.Loop, work, back func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.queue = append(d.queue, job{work, l, back})
	d.arrived.Signal()
}

// closeWait is how long Close waits for a disk that does not answer: that must not keep
// the program from ending.
const closeWait = 5 * time.Second

// Close waits for every job that was given, and for the workers. It must come before
// the loops are gone that wait for jobs. It reports whether all came back.
func (d *Disk) Close() bool {
	d.mu.Lock()
	d.closed = true
	d.arrived.Broadcast()
	d.mu.Unlock()
	done := make(chan struct{})
	go func() {
		d.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(closeWait):
		return false
	}
}

func (d *Disk) run() {
	for {
		j, ok := d.next()
		if !ok {
			return
		}
		j.work()
		if j.back != nil {
			j.loop.Post(j.back)
		}
	}
}

// next waits for a job; false says that there will be none.
func (d *Disk) next() (job, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.queue) == 0 {
		if d.closed {
			return job{}, false
		}
		d.arrived.Wait()
	}
	j := d.queue[0]
	d.queue[0] = job{}
	d.queue = d.queue[1:]
	return j, true
}

package drop

import (
	"sync"

	"relay/relay/flow"
)

// Workers are the goroutines that do for the connections of all loops what may not be done
// on a loop.
type Workers struct {
	Disk    *flow.Disk // what may wait for a disk; quick digests of what is on its way there, too
	Hashing *flow.Disk // what takes a processor rather than a disk
	// Bundles of files, each of which may wait for a disk many times: those who put or fetch
	// one file do not wait for them.
	Bundles *flow.Disk
	// BundleOpen is how many files and directories each of those may have open, roughly.
	BundleOpen int
}

// Close waits for them, for all at the same time: none needs another. It must come before the
// loops are gone.
func (w Workers) Close() {
	var all sync.WaitGroup
	for _, workers := range []*flow.Disk{w.Disk, w.Hashing, w.Bundles} {
		all.Go(func() { workers.Close() })
	}
	all.Wait()
}

// toWorker gives a job to a worker; back runs when it is done, with the connection in the
// state opening, or leaving if it was finished meanwhile.
func (c *Conn) toWorker(job, back func()) { c.toWorkerOf(c.in.workers.Disk, job, back) }

func (c *Conn) toWorkerOf(workers *flow.Disk, job, back func()) {
	if c.state != opening {
		c.setState(opening)
	}
	c.in.loop.Ask(c.token, 0)
	workers.Do(c.in.loop, job, back)
}

// work gives a job of a change or an upload to a worker, and goes on with then if the job
// came to something and the connection still stands.
func (c *Conn) work(job func() error, then func()) {
	var err error
	c.toWorker(func() { err = job() }, func() { c.worked(err, then) })
}

func (c *Conn) worked(err error, then func()) {
	switch {
	case c.state == leaving:
		c.close(c.leaving)
	case err != nil:
		c.uploadFailed(err)
	default:
		then()
	}
}

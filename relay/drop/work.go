package drop

// toWorker gives a job to a worker; back runs when it is done, with the connection in the
// state opening, or leaving if it was finished meanwhile.
func (c *Conn) toWorker(job, back func()) {
	if c.state != opening {
		c.setState(opening)
	}
	c.in.loop.Ask(c.token, 0)
	c.in.disk.Do(c.in.loop, job, back)
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

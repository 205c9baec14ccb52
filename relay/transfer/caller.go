package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// caller asks one thing at a time, on a connection that it keeps.
type caller struct {
	run    *Run
	ctx    context.Context
	giveUp context.CancelCauseFunc
	wire   *wire
	host   string // that the connection is to
	where  string // what the last answer was about, a file or an upload, if it said so
	still  still
}

// body is what a request brings.
type body struct {
	length int64
	// send writes it. It ends early, without an error, when the answer has come.
	send func(w *wire, answered <-chan struct{}) error
}

// ask sends a request until it is answered, or all patience is over. hear judges the
// answer; an error of it that is not final has the request repeated.
func (c *caller) ask(method string, p Place, hear func(*http.Response) error, fields ...field) error {
	for tries := 1; ; tries++ {
		err := c.once(method, p, nil, hear, fields...)
		if err == nil || isFinal(err) {
			return err
		}
		if err := c.wait(p, tries, err); err != nil {
			return err
		}
	}
}

// wait waits before another try, or says why there is none.
func (c *caller) wait(p Place, tries int, err error) error {
	c.hangUp()
	switch {
	case c.ctx.Err() != nil:
		return context.Cause(c.ctx)
	case c.run.GiveUpAfter <= 0:
		return err // whoever asks tries again himself
	}
	if err := c.impatient(err); err != nil {
		return err
	}
	c.run.Tell(Event{Kind: Retried, URL: p.String(), Size: NoSize, Why: err.Error()})
	sleep(c.ctx, backoff(tries))
	return nil
}

// impatient notes a failure. If nothing has moved for as long as that may be, it ends the
// run, and says why.
func (c *caller) impatient(err error) error {
	if !c.run.patience.failed() {
		return nil
	}
	err = fmt.Errorf("given up after %v without progress: %w", c.run.GiveUpAfter, err)
	c.giveUp(err)
	return err
}

// once sends a request one time.
func (c *caller) once(method string, p Place, b *body, hear func(*http.Response) error, fields ...field) error {
	w, err := c.dial(p.host)
	if err != nil {
		return err
	}
	res, whole, err := c.exchange(w, method, p, b, fields)
	if err != nil {
		c.hangUp()
		return err
	}
	c.where = where(res)
	err = hear(res)
	if err == nil {
		c.run.patience.moved()
	}
	if !whole || !goesOn(res) {
		c.hangUp()
	}
	return err
}

func (c *caller) dial(host string) (w *wire, err error) {
	if c.wire != nil && c.host != host {
		c.hangUp()
	}
	if c.wire == nil {
		if c.wire, err = dial(c.ctx, host); err != nil {
			return nil, err
		}
		c.host = host
	}
	return c.wire, nil
}

func (c *caller) hangUp() {
	if c.wire != nil {
		c.wire.hangUp()
		c.wire = nil
	}
}

// exchange sends a request and reads the head of its answer. whole says that all of the
// body was sent.
func (c *caller) exchange(w *wire, method string, p Place, b *body, fields []field) (res *http.Response, whole bool, err error) {
	if b != nil {
		fields = append(fields, field{"Content-Length", strconv.FormatInt(b.length, 10)})
	}
	w.ask(method, p, c.run.Token, fields...)
	if err := w.flush(); err != nil {
		return nil, false, err
	}
	if b == nil || b.length == 0 {
		res, err = w.hear(method)
		return res, true, err
	}
	return w.deliver(method, b)
}

const (
	// refusalTime is how long a server that takes no more bytes has to say why.
	refusalTime = 5 * time.Second
	// storeRate is what the slowest disk of a server is taken for, in bytes a second: it
	// answers when a file is stored.
	storeRate = 4 << 20
)

// deliver sends a body and listens meanwhile: whoever does not want it says so at once.
func (w *wire) deliver(method string, b *body) (res *http.Response, whole bool, err error) {
	if err := w.SetReadDeadline(time.Time{}); err != nil {
		return nil, false, err
	}
	answered := make(chan struct{})
	var heard error
	go func() { // ends with the answer, its deadline or the connection
		defer close(answered)
		res, heard = w.listen(method)
	}()
	sent := b.send(w, answered)
	select {
	case <-answered:
	default:
		whole = sent == nil
		patient := silence + time.Duration(b.length/storeRate)*time.Second
		if !whole {
			patient = refusalTime
		}
		_ = w.SetReadDeadline(time.Now().Add(patient)) // on a closed connection the reader has ended
		<-answered
	}
	if heard != nil && sent != nil {
		return nil, false, sent
	}
	return res, whole, heard
}

// goesOn reads what an answer says besides its head, and reports that the connection can
// be used again.
func goesOn(res *http.Response) bool {
	const most = 64 << 10
	n, err := io.CopyN(io.Discard, res.Body, most)
	return n < most && errors.Is(err, io.EOF) && !res.Close
}

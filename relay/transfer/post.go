package transfer

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// post is one file to send.
type post struct {
	path  string
	to    Place
	size  int64 // as it was planned; what is sent counts
	sum   sum   // that was sent along
	moved int64 // bytes counted in the progress
	asked bool  // the server was told to publish it; the answer may be lost
	extra []field
	known sum    // of the content, if that was read before it was sent
	id    string // of the transfer of a small file, that it be published once
	look  look   // of the content that the id is for
	turn  int    // files that looked the same and went before
	other Place  // where it is, if the server gave it another name
	attempts

	stands func(*source) bool // what is open is what is to be sent; nil = whatever it is
}

// ErrOther is why a file is not sent that is not the one any more that was to be.
var ErrOther = final(errors.New("it is another file now"))

// open opens the file, if it is what is to be sent.
func (p *post) open() (*source, error) {
	s, err := openSource(p.path)
	if err == nil && p.stands != nil && !p.stands(s) {
		s.Close()
		err = ErrOther
	}
	return s, err
}

func (p *post) event(k Kind) Event {
	e := Event{Kind: k, Path: p.path, URL: p.to.String(), Size: Size(p.size)}
	if k == Finished && !p.other.isZero() {
		e.Stored = p.other.String()
	}
	return e
}

// changesMost is how often a file may change while it is sent.
const changesMost = 5

// inMemory is the size, in bytes, up to which a file is read into memory, as it is at one
// moment, and put with its digest. Above, it is sent from the page cache, and its digest
// follows.
const inMemory = 1 << 20

// sized corrects what is known of the size.
func (p *post) sized(r *Run, size int64) {
	r.Bytes.Add(size - p.size)
	p.size = size
}

// release takes what was counted of a file out of the progress.
func (p *post) release(r *Run) {
	r.BytesDone.Add(-p.moved)
	p.moved = 0
}

// sendLarge sends one file by a resumable upload. It returns when the file is published,
// or cannot be.
func (c *caller) sendLarge(p *post) (sum, error) {
	n, err := openNote(c.run.StateDir, p.path, p.to, c.run.Durable)
	if err != nil {
		return sum{}, err
	}
	got, err := c.sendNoted(p, n)
	if err == nil {
		n.done()
	}
	return got, err
}

// sendNoted is sendLarge with a note. On success that is still there, and open.
func (c *caller) sendNoted(p *post, n *note) (sum, error) {
	for {
		got, err := c.sendOnce(p, n)
		p.release(c.run)
		switch {
		case err == nil:
			p.storedAt(c.where)
			return got, nil
		case errors.Is(err, errChanged), errors.Is(err, errSpoilt), errors.Is(err, errUploadGone):
			if p.spoilt++; p.spoilt >= changesMost {
				n.done()
				return sum{}, fmt.Errorf("%s: given up after %d times: %w", p.path, p.spoilt, err)
			}
			if errors.Is(err, errSpoilt) { // the server has forgotten the upload
				p.asked = false
				_ = n.begin(upload{}) // what cannot be written is found out later
			}
			err = fmt.Errorf("%s: %w", p.path, err)
			e := p.event(Retried)
			e.Why = err.Error()
			c.run.Tell(e)
			continue
		case isFinal(err):
			n.keep()
			return sum{}, err
		}
		p.tries++
		if err := c.wait(p.to, p.tries, err); err != nil {
			n.keep()
			return sum{}, err
		}
	}
}

// errSpoilt is why a file that came damaged is sent again.
var errSpoilt = errors.New("it was damaged on the way, or changed meanwhile: the server computes another digest")

// sendOnce sends what is missing, and completes.
func (c *caller) sendOnce(p *post, n *note) (sum, error) {
	s, err := p.open()
	if err != nil {
		return sum{}, err
	}
	defer s.Close()
	p.sized(c.run, s.look.Size)
	if err := c.still.hold(s); err != nil {
		return sum{}, err
	}
	at, offset, whole, err := c.goOn(p, s, n)
	if errors.Is(err, errNoUploads) {
		return c.putWhole(p, s)
	}
	if err != nil || whole {
		return sum{}, err
	}
	got, err := c.pourSummed(p, s, at, offset)
	if err == nil {
		err = s.unchanged()
	}
	if err == nil {
		return got, c.completeUpload(p, s, at, got)
	}
	if errors.Is(err, errChanged) {
		c.cancel(at)
		err = errors.Join(err, n.begin(upload{}))
	}
	return sum{}, err
}

// goOn finds the upload that was under way, or begins one. whole says that it is complete:
// the answer to that was lost.
func (c *caller) goOn(p *post, s *source, n *note) (at Place, offset int64, whole bool, err error) {
	if n.Location != "" {
		at = Place{p.to.host, n.Location}
		// What changes a file's attributes (a digest that is noted with it, another name) counts
		// for nothing where the digest tells, and neither does the number of a device, which is
		// given anew when the machine starts.
		if n.Look.equals(s.look) || c.run.Digest != NoSum && n.Look.Same(s.look.Version) {
			offset, whole, err = c.offset(at)
			switch {
			case err == nil && (whole || offset <= p.size):
				return at, offset, whole, nil
			case errors.Is(err, errUploadGone) && p.asked:
				if there, err := c.onServer(p.to, p.sum); err == nil && there.is(p.size, s.time, s.mode) {
					return at, p.size, true, nil
				}
			case err != nil && !errors.Is(err, errUploadGone):
				return at, 0, false, err
			}
		} else {
			c.cancel(at)
		}
	}
	at, err = c.create(p.to, s.look.Size, append(s.attributes(), p.extra...)...)
	if err == nil {
		err = n.begin(upload{Location: at.path, Look: s.look})
	}
	return at, 0, false, err
}

// pourSummed appends what follows offset, and finds the digest of the whole beside it.
func (c *caller) pourSummed(p *post, s *source, at Place, offset int64) (sum, error) {
	got := p.known
	p.known = sum{} // should it be wrong, the file is read
	if c.run.Digest == NoSum || got.By != NoSum {
		return got, c.pour(p, s, at, offset, nil)
	}
	f := follow(s, c.run.Digest)
	defer f.stop()
	f.reach(offset)
	if err := c.pour(p, s, at, offset, f); err != nil {
		return sum{}, err
	}
	f.reach(p.size)
	got, err := f.end()
	if err != nil {
		return sum{}, errChanged // it is shorter than it was
	}
	return got, nil
}

// pour appends what follows offset, by sendfile.
func (c *caller) pour(p *post, s *source, at Place, offset int64, f *follower) error {
	start := p.event(Started)
	start.Offset = offset
	c.run.Tell(start)
	p.moved += offset
	c.run.BytesDone.Add(offset)
	left := p.size - offset
	if left == 0 {
		return nil
	}
	if _, err := s.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	return c.appendTo(at, offset, c.pouring(p, s, left, f))
}

// pouring is the rest of a file as the body of a request.
func (c *caller) pouring(p *post, s *source, left int64, f *follower) *body {
	return &body{left, func(w *wire, answered <-chan struct{}) error {
		for left > 0 {
			n := min(left, c.run.pace.slice(pourChunk))
			c.run.pace.take(c.ctx, n)
			if f != nil {
				f.lead(p.size-left, p.size-left+n)
			}
			moved, err := w.pour(s.File, n)
			if left -= moved; moved > 0 {
				p.moved += moved
				p.tries = 0
				c.run.moved(moved)
			}
			if f != nil {
				f.reach(p.size - left)
			}
			if err != nil {
				return err
			}
			select {
			case <-answered:
				return nil
			default:
			}
		}
		return nil
	}}
}

// putWhole sends a file to a server that is no relay: as a whole, or from its beginning
// again.
func (c *caller) putWhole(p *post, s *source) (got sum, err error) {
	fields := append(s.attributes(), p.extra...)
	if c.run.Digest != NoSum {
		f := follow(s, c.run.Digest)
		f.lead(0, p.size)
		if got, err = f.end(); err != nil {
			return sum{}, errChanged
		}
		fields = append(fields, field{"Repr-Digest", got.String()})
	}
	if _, err := s.Seek(0, io.SeekStart); err != nil {
		return sum{}, err
	}
	c.run.Tell(p.event(Started))
	err = c.once("PUT", p.to, c.pouring(p, s, p.size, nil), func(res *http.Response) error { return taken(p.to, res) }, fields...)
	return got, errors.Join(err, s.unchanged())
}

// pourChunk is the most bytes between two looks at the clock, the progress and the digest,
// which is ahead by as much: they fit the second-level cache of many processors.
const pourChunk = 1 << 20

// completeUpload has the server publish the file, if its digest is the same.
func (c *caller) completeUpload(p *post, s *source, at Place, got sum) error {
	fields := s.attributes()
	if got.By != NoSum {
		fields = append(fields, field{"Repr-Digest", got.String()})
	}
	p.asked, p.sum = true, got
	return c.finishAt(at, p.size, fields...)
}

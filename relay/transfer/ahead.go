package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"relay/relay/drop/bundle"
)

// A file that is still arriving here can be on its way already: what there is of it goes
// into an upload at the next drop, which shows nobody anything before it is completed. That
// is done like the sending of any other file, when this one is whole, verified and
// published here. Until then the note of the upload says that nothing depends on it: should
// this process end, the upload is given up.

// Growing is a file that is arriving.
type Growing struct {
	File *os.File // that can be read as far as it goes; the Ahead's to close
	Size int64    // that it will have
	// Await waits until more than so many bytes are there, and says how many; over that
	// there will be no more.
	Await func(ctx context.Context, than int64) (have int64, over bool, err error)
	// Digests are those of the file when it is whole, in the form of Repr-Digest; nil if it
	// is not known that the one that is asked for will be among them. Whoever receives the
	// file has read it for them: once is enough.
	Digests func() string
}

const (
	// lull is how long a request waits for bytes that are still to arrive. Then it is
	// ended, before the server does: a source that is slow sends in pieces, each of what
	// there is.
	lull = 5 * time.Second
	// aheadPiece is what a piece holds at least, unless it is the last; a server syncs each.
	aheadPiece = 8 << 20
	// aheadPatience is how long a file may make no progress before it is not waited for any
	// more. When it is there, it is sent like others.
	aheadPatience = 2 * time.Minute
	// aheadTries bounds the requests in a row that fail.
	aheadTries = 3
)

var (
	errLull = errors.New("nothing more has arrived for a while")
	errCut  = errors.New("the file did not arrive")
)

// Ahead is an upload of a file that is still arriving. It ends with Finish or Cancel.
type Ahead struct {
	c        *Courier
	post     *post
	note     *note
	at       Place
	from     Growing
	follower *follower // nil = no digest, or others compute it
	offset   int64     // bytes that the server has, for all we know
	have     int64     // bytes that are here
	pieces   bool      // the source is slow
}

// Begin begins to send a file that will be at path, to be name in the directory, see
// Carry.
func (c *Courier) Begin(path, name, via string, from Growing) (*Ahead, error) {
	p := &post{path: path, to: c.to.join(name), size: from.Size, extra: []field{{bundle.Via, via}}}
	n, err := openNote(c.run.StateDir, p.path, p.to, c.run.Durable)
	if err != nil {
		return nil, err
	}
	if n.Location != "" { // another content of that name was on its way: first things first
		n.keep()
		return nil, errSending
	}
	a := &Ahead{c: c, post: p, note: n, from: from}
	if a.at, err = c.create(p.to, from.Size, p.extra...); err != nil && !isFinal(err) && !Answered(err) {
		a.at, err = c.create(p.to, from.Size, p.extra...) // the connection had been kept for too long
	}
	if err == nil {
		err = n.begin(upload{Location: a.at.path, Ahead: p.to.String()})
	}
	if err != nil {
		n.done()
		return nil, err
	}
	if c.run.Digest != NoSum && from.Digests == nil {
		a.follower = follow(from.File, c.run.Digest)
	}
	return a, nil
}

// Send sends what there is and what comes, until all is there.
func (a *Ahead) Send() error {
	for failures := 0; a.offset < a.from.Size; {
		before := a.offset
		err := a.append()
		if err == nil {
			continue
		}
		if errors.Is(err, errCut) || isFinal(err) || a.c.ctx.Err() != nil {
			return err
		}
		a.pieces = true
		a.c.hangUp()
		if !errors.Is(err, errLull) {
			if failures++; failures > aheadTries {
				return err
			}
			sleep(a.c.ctx, backoff(failures))
		}
		if a.offset, _, err = a.c.offset(a.at); err != nil {
			return err
		}
		if a.offset > before {
			failures = 0
		}
	}
	return nil
}

// append sends one request: all that is missing, as it comes, or a piece.
func (a *Ahead) append() error {
	least := a.offset
	if a.pieces {
		least = min(a.offset+aheadPiece, a.from.Size) - 1
	}
	if err := a.await(least, lull); errors.Is(err, errLull) {
		a.c.hangUp() // a server does not keep for long who asks nothing
		if err = a.await(least, aheadPatience); err != nil {
			return errCut
		}
	} else if err != nil {
		return err
	}
	n := a.from.Size - a.offset
	if a.pieces {
		n = a.have - a.offset
	}
	if _, err := a.from.File.Seek(a.offset, io.SeekStart); err != nil {
		return final(err)
	}
	err := a.c.appendTo(a.at, a.offset, &body{n, func(w *wire, answered <-chan struct{}) error {
		err := a.pour(w, n, answered)
		if errors.Is(err, errLull) || errors.Is(err, errCut) {
			w.Close() // no answer is to come
		}
		return err
	}})
	if err == nil {
		a.offset += n
	}
	return err
}

// await waits until more than so many bytes are here.
func (a *Ahead) await(than int64, limit time.Duration) error {
	if a.have > than {
		return nil
	}
	ctx, stop := context.WithTimeoutCause(a.c.ctx, limit, errLull)
	defer stop()
	have, over, err := a.from.Await(ctx, than)
	a.have = have
	if a.follower != nil {
		a.follower.reach(have)
	}
	switch {
	case err != nil && ctx.Err() == nil: // whoever knows it has given it up
		return errCut
	case err != nil:
		return context.Cause(ctx)
	case have <= than && over:
		return errCut
	}
	return nil
}

// pour writes n bytes from where the file stands, as they come.
func (a *Ahead) pour(w *wire, n int64, answered <-chan struct{}) error {
	for at := a.offset; n > 0; {
		if err := a.await(at, lull); err != nil {
			return err
		}
		moved, err := w.pour(a.from.File, min(n, a.have-at, pourChunk))
		at += moved
		n -= moved
		a.c.run.moved(moved)
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
}

// Finish completes the upload, if this version is what has the name: the file is published.
// On an error the upload goes on where it was when the file is sent the next time, see
// Carry.
func (a *Ahead) Finish(of Version) (*Delivery, error) {
	defer a.from.File.Close()
	if a.from.Digests != nil {
		a.post.known = a.given()
	}
	if a.follower != nil {
		var err error
		if a.post.known, err = a.follower.end(); err != nil {
			a.Cancel()
			return nil, errChanged
		}
	}
	a.post.stands = func(s *source) bool { return s.look.Version == of }
	s, err := a.post.open()
	if err != nil {
		a.Cancel()
		return nil, err
	}
	defer s.Close()
	if err := a.note.begin(upload{Location: a.at.path, Look: s.look}); err != nil {
		a.Cancel()
		return nil, err
	}
	if _, err := a.c.sendNoted(a.post, a.note); err != nil {
		return nil, err
	}
	return &Delivery{a.note}, nil
}

// given is the digest that whoever received the file has found. Should it be missing after
// all, the file is read.
func (a *Ahead) given() sum {
	got, _ := parseSums([]string{a.from.Digests()}, a.c.run.Digest)
	if got.By != a.c.run.Digest {
		return sum{}
	}
	return got
}

// Cancel has the next drop forget what it has of the file. Where that cannot be said now,
// the note has it said at the next start (Forgo).
func (a *Ahead) Cancel() {
	a.from.File.Close()
	if a.follower != nil {
		a.follower.stop()
	}
	heard := a.c.cancel(a.at)
	if !heard { // on a connection that had been kept for too long, maybe
		heard = a.c.cancel(a.at)
	}
	if heard {
		a.note.done()
	} else {
		a.note.keep()
	}
}

// Forgo cancels what an earlier process has begun to send to the directory while it still
// arrived.
func (c *Courier) Forgo() error {
	notes, err := filepath.Glob(filepath.Join(c.run.StateDir, "*.json"))
	if err != nil {
		return fmt.Errorf("%s: %w", c.run.StateDir, err)
	}
	for _, path := range notes {
		if u, _, err := readNote(path); err != nil || !strings.HasPrefix(u.Ahead, c.to.String()) {
			continue // it is gone, or the concern of another courier
		}
		n := &note{path: path}
		if n.open(0) != nil {
			continue // somebody is at it, or through with it
		}
		if strings.HasPrefix(n.Ahead, c.to.String()) && c.cancel(Place{c.to.host, n.Location}) {
			n.done()
		} else {
			n.keep()
		}
	}
	return nil
}

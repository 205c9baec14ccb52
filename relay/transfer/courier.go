package transfer

import (
	"context"
	"errors"
	"os"

	"relay/relay/drop/bundle"
)

// Courier sends files to a directory of a drop. A small one goes in one request, or with others
// in one (together.go), under an id that follows from what it is; a large one by an upload of
// its own, with a place that is noted before the file is completed. So no kill and no lost
// answer has a file appear twice. It tries again by itself
// only what came damaged, or in a bundle that is not taken.
//
// A large file is sent from a copy that shares its blocks, where StateDir is on the same file
// system and that can do it: then what is delivered is the file as it was when Carry began.
type Courier struct {
	caller
	to      Place
	ids     IDs
	scratch []byte
	bundler
	refused error // why the server would not have a bundle
}

// NewCourier makes a courier to a URL. Of the options it heeds Token, Digest, Durable (for
// its notes) and StateDir, which is needed.
func NewCourier(ctx context.Context, url string, ids IDs, o Options) (*Courier, error) {
	to, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	o.GiveUpAfter = 0
	return &Courier{caller: caller{run: NewRun(o), ctx: ctx, giveUp: func(error) {}, still: still{dir: o.StateDir}}, to: to.dir(), ids: ids}, nil
}

// Parcel is a file that a courier is to send.
type Parcel struct {
	Path string
	Name string // a path of raw bytes, in the directory that the courier goes to
	Via  string // the ids of the drops that it came through
	Turn int    // how many files went before that looked the same, where the file system does not tell such apart
	// Stands is asked whenever the file was opened, and again because it has changed: false is
	// ErrOther, since what is there by then may not be complete.
	Stands func() bool
}

// post is the file as it is sent.
func (c *Courier) post(l *Parcel) *post {
	p := &post{path: l.Path, to: c.to.join(l.Name), turn: l.Turn, stands: func(*source) bool { return l.Stands() }}
	if l.Via != "" {
		p.extra = []field{{bundle.Via, l.Via}}
	}
	return p
}

// Carry sends a file. Without an error it is there; the note of the upload stays until the
// caller has remembered that elsewhere, because until then it is what keeps the file from
// being sent twice.
func (c *Courier) Carry(l Parcel) (*Delivery, error) {
	p := c.post(&l)
	switch err := c.putSmall(p); {
	case err == nil:
		return &Delivery{&note{}}, nil
	case !errors.Is(err, errGrown):
		return nil, err
	}
	n, err := openNote(c.run.StateDir, p.path, p.to, c.run.Durable)
	if err != nil {
		return nil, err
	}
	if _, err := c.sendNoted(p, n); err != nil {
		return nil, err
	}
	return &Delivery{n}, nil
}

// Delivery is a file that has arrived, with the note of it if it was a large one. One of its
// methods is to be called.
type Delivery struct{ note *note }

// Settle removes the note: the delivery is remembered elsewhere.
func (d *Delivery) Settle() { d.note.done() }

// Keep leaves the note: sending the file again will find that it is there.
func (d *Delivery) Keep() { d.note.keep() }

// Moved is how many bytes have gone over the network.
func (c *Courier) Moved() int64 { return c.run.BytesMoved.Load() }

// Rest closes the connection; the next file opens another.
func (c *Courier) Rest() { c.hangUp() }

// Busy reports that somebody is sending the file to the same place already.
func Busy(err error) bool { return errors.Is(err, errSending) }

// Vanished reports that the file to send is not there any more.
func Vanished(err error) bool { return errors.Is(err, os.ErrNotExist) }

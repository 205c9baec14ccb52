package forward

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
	"relay/relay/transfer"
)

// route is one [[drop.forward]] at work.
type route struct {
	config config.Forward
	drop   string // the directory
	log    zerolog.Logger
	line   []*file // that wait
	busy   int     // couriers under way
	early  int     // those of them that have a file that is still arriving
	down   int     // tries in a row that found nobody there
	until  time.Time

	mu   sync.Mutex
	idle []*transfer.Courier // with their connections

	sentFiles, sentBytes, failedFiles, retries atomic.Uint64
}

// result is what a courier comes back with.
type result struct {
	route   int
	path    string
	version transfer.Version
	ahead   *ahead // that it was; nil for one that was there
	noted   bool   // since when it is to be sent
	err     error
}

// parcel is a file as it is given to a courier.
type parcel struct {
	path    string
	version transfer.Version
	turn    int
	since   time.Time
	noted   bool // that it is to be sent since then
}

func (one *file) parcel(i int) parcel {
	l := &one.legs[i]
	return parcel{one.path, one.look.version, l.turn, l.since, l.noted}
}

func (r *route) wants(path string) bool {
	return (len(r.config.Match) == 0 || matches(r.config.Match, path)) && !matches(r.config.Ignore, path)
}

// carry sends a file, and writes into the book that it was. It runs beside the owner.
func (r *route) carry(ctx context.Context, b *book, i int, p parcel) result {
	began := time.Now()
	back := result{route: i, path: p.path, version: p.version}
	c, err := r.courier(ctx, b)
	if err == nil {
		before := c.Moved()
		var d *transfer.Delivery
		there := func() bool { return stands(r.drop, p.path, p.version) }
		if d, err = c.Carry(filepath.Join(r.drop, p.path), p.path, join(cameThrough(r.drop, p.path), b.id), p.turn, there); err == nil {
			err = r.remember(b, d, p)
		}
		r.sentBytes.Add(uint64(c.Moved() - before))
		r.release(ctx, c, err)
	}
	back.err = err
	r.tell(back, began)
	back.noted = r.note(ctx, b, p, err)
	return back
}

// tell counts a file that was sent, and says so in the log.
func (r *route) tell(back result, began time.Time) {
	if back.err == nil {
		r.sentFiles.Add(1)
		r.log.Info().Str("file", back.path).Int64("size", back.version.Size).Bool("ahead", back.ahead != nil).
			Float64("duration_ms", float64(time.Since(began))/float64(time.Millisecond)).Msg("forwarded")
	}
}

// remember writes into the book that a file was sent. If it is another by now, the name is
// looked at again.
func (r *route) remember(b *book, d *transfer.Delivery, p parcel) error {
	l, err := lookAt(r.drop, p.path)
	if err == nil && l.version != p.version {
		d.Settle() // that version has arrived, and is gone here
		return transfer.ErrOther
	}
	if err := b.put(r.config.To, p.path, record{Version: p.version, Sent: true, At: time.Now(), Turn: p.turn}); err != nil {
		d.Keep()
		return err
	}
	d.Settle()
	return nil
}

// note has the book remember since when a file is to be sent of which a try has failed, so
// that give_up_after does not begin anew with each start. A file that goes at once is
// written about once.
func (r *route) note(ctx context.Context, b *book, p parcel, err error) (noted bool) {
	if err == nil || p.noted || r.config.GiveUpAfter == 0 || ctx.Err() != nil || !failure(err) {
		return p.noted
	}
	return b.try(r.config.To, p.path, p.version, p.since) == nil
}

// failure reports an error that is one, and not word of a file that is none to send now.
func failure(err error) bool {
	return !errors.Is(err, errAhead) && !errors.Is(err, transfer.ErrOther) && !transfer.Vanished(err)
}

// courier takes one that rests, or makes one. The token is read each time: it may have
// been changed because it was wrong.
func (r *route) courier(ctx context.Context, b *book) (*transfer.Courier, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.idle); n > 0 {
		c := r.idle[n-1]
		r.idle = r.idle[:n-1]
		return c, nil
	}
	o := transfer.Options{Digest: digests[r.config.Digest], Durable: true, StateDir: r.notes()}
	if r.config.TokenFile != "" {
		text, err := os.ReadFile(r.config.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("token_file: %v", err) // not %w: it is not the file to send that is missing
		}
		o.Token = strings.TrimSpace(string(text))
	}
	return transfer.NewCourier(ctx, r.config.To, transfer.IDs{Secret: b.id, Since: b.since}, o)
}

// digests maps the values of `digest`.
var digests = map[config.Digest]transfer.Digest{
	config.DigestNone: transfer.NoSum, config.DigestXXH3: transfer.XXH3, config.DigestSHA256: transfer.SHA256,
}

// release keeps a courier for the next file, unless its token may be the wrong one.
func (r *route) release(ctx context.Context, c *transfer.Courier, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil || len(r.idle) >= r.config.Parallel || transfer.Denied(err) {
		c.Rest()
		return
	}
	r.idle = append(r.idle, c)
}

// rest closes the connections of couriers that nobody needs now: a server closes those that
// say nothing.
func (r *route) rest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.idle {
		c.Rest()
	}
	r.idle = nil // with the token that they were made with
}

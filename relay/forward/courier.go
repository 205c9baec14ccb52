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

	together atomic.Bool  // the receiver takes many files in one request
	refused  atomic.Int64 // when it has not taken some, which was said; nanoseconds since 1970

	mu   sync.Mutex
	idle []*transfer.Courier // with their connections

	sentFiles, sentBytes, failedFiles, retries atomic.Uint64
}

// parcel is a file as it is given to a courier.
type parcel struct {
	path    string
	version transfer.Version
	turn    int
	since   time.Time
	noted   bool // that it is to be sent since then
}

// apartTime is for how long small files go one by one when the receiver, or who is between, has
// not taken several: it may have been another for a while.
const apartTime = 10 * time.Minute

// result is what became of a file.
type result struct {
	parcel
	delivery *transfer.Delivery // until the book has it
	alone    bool               // it is to go by itself the next time
	err      error
}

// back is what a courier comes back with.
type back struct {
	route int
	ahead *ahead // that its one file was; nil for files that were there
	files []result
}

func (one *file) parcel(i int) parcel {
	l := &one.legs[i]
	return parcel{one.path, one.look.version, l.turn, l.since, l.noted}
}

func (r *route) wants(path string) bool {
	return (len(r.config.Match) == 0 || matches(r.config.Match, path)) && !matches(r.config.Ignore, path)
}

// carry sends files, and writes into the book that they were. It runs beside the owner.
func (r *route) carry(ctx context.Context, b *book, i int, load []parcel) back {
	began := time.Now()
	all := make([]result, len(load))
	for n, p := range load {
		all[n].parcel = p
	}
	if c, err := r.courier(ctx, b); err == nil {
		r.carryBy(ctx, c, b, all)
	} else {
		for n := range all {
			all[n].err = err
		}
	}
	r.remember(b, all)
	r.tell(all, began, false)
	r.note(ctx, b, all)
	return back{route: i, files: all}
}

// carryBy has a courier send files.
func (r *route) carryBy(ctx context.Context, c *transfer.Courier, b *book, all []result) {
	parcels := make([]transfer.Parcel, len(all))
	for n, one := range all {
		parcels[n] = transfer.Parcel{
			Path: filepath.Join(r.drop, one.path), Name: one.path, Via: join(cameThrough(r.drop, one.path), b.id), Turn: one.turn,
			Stands: func() bool { return stands(r.drop, one.path, one.version) },
		}
	}
	before := c.Moved()
	var denied error
	for n, d := range c.CarryAll(parcels) {
		all[n].delivery, all[n].err, all[n].alone = d.Delivery, d.Err, d.Alone
		if transfer.Denied(d.Err) {
			denied = d.Err
		}
	}
	r.sentBytes.Add(uint64(c.Moved() - before))
	apart := time.Since(time.Unix(0, r.refused.Load())) < apartTime
	if err := c.Refused(); err != nil && !apart {
		apart = true
		r.refused.Store(time.Now().UnixNano())
		r.log.Warn().Err(err).Dur("again_ms", apartTime).Msg("the receiver does not take several files at a time")
	}
	r.together.Store(c.Together() && !apart)
	r.release(ctx, c, denied)
}

// tell counts files that were sent, and says so in the log, with the time that all took together.
func (r *route) tell(all []result, began time.Time, ahead bool) {
	for _, one := range all {
		if one.err != nil {
			continue
		}
		r.sentFiles.Add(1)
		r.log.Info().Str("file", one.path).Int64("size", one.version.Size).Bool("ahead", ahead).
			Float64("duration_ms", float64(time.Since(began))/float64(time.Millisecond)).Msg("forwarded")
	}
}

// remember writes into the book which files were sent. Of one that is another by now, the name
// is looked at again.
func (r *route) remember(b *book, all []result) {
	var arrived []*result
	var records []entry
	for n := range all {
		one := &all[n]
		if one.err != nil {
			continue
		}
		if l, err := lookAt(r.drop, one.path); err == nil && l.version != one.version {
			one.delivery.Settle() // that version has arrived, and is gone here
			one.err = transfer.ErrOther
			continue
		}
		arrived = append(arrived, one)
		records = append(records, entry{one.path, record{Version: one.version, Sent: true, At: time.Now(), Turn: one.turn}})
	}
	err := b.put(r.config.To, records...)
	for _, one := range arrived {
		if one.err = err; err != nil {
			one.delivery.Keep()
		} else {
			one.delivery.Settle()
		}
	}
}

// note has the book remember since when files are to be sent of which a try has failed, so
// that give_up_after does not begin anew with each start. Of files that go at once nothing is
// written.
func (r *route) note(ctx context.Context, b *book, all []result) {
	if r.config.GiveUpAfter == 0 || ctx.Err() != nil {
		return
	}
	var failed []*result
	var records []entry
	for n := range all {
		if one := &all[n]; one.err != nil && !one.noted && failure(one.err) {
			failed = append(failed, one)
			records = append(records, entry{one.path, record{Version: one.version, At: one.since}})
		}
	}
	if b.try(r.config.To, records...) != nil {
		return
	}
	for _, one := range failed {
		one.noted = true
	}
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

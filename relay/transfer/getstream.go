package transfer

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What is fetched into a stream (standard output) cannot be taken back: a byte goes out
// once, after those before it. A connection that breaks is made anew and the file goes on
// behind what came, if it is still the same; and what the digest says is known when all is
// out, so that whoever reads the stream has to look at how the fetch ended.

// outflow is the fetching of one file into a stream.
type outflow struct {
	caller
	fetch  *fetch // its offset is how many bytes came, all of which are the stream's
	length int64  // of the file; -1 = not known
	tap    *tap
	want   sum
	hash   hash.Hash // of what came; nil = there is nothing to compare with
}

// GetStream fetches one file and writes it to a stream; shown is what events call that, and
// "-" is standard output. Without an error the whole file was written, and has the digest
// that the drop told, if it told one. A write that blocks is not waited for once the context
// has ended.
func (r *Run) GetStream(parent context.Context, url string, to io.Writer, shown string) error {
	from, err := ParseURL(url)
	if err != nil {
		return err
	}
	if from.isDir() {
		return final(fmt.Errorf("%s: %w", from, errNotOneFile))
	}
	ctx, giveUp := context.WithCancelCause(parent)
	defer giveUp(nil)
	o := &outflow{
		caller: caller{run: r, ctx: ctx, giveUp: giveUp}, tap: openTap(to),
		fetch: &fetch{from: from, shown: shown}, length: int64(NoSize),
	}
	defer o.hangUp()
	r.Files.Add(1)
	err = o.get()
	if unwritten := o.tap.finish(ctx); err == nil {
		err = unwritten
	}
	if err == nil {
		err = o.verify()
	}
	e := o.fetch.event(Finished)
	e.Size = Size(o.length)
	if err != nil {
		if parent.Err() != nil {
			err = errors.New("interrupted")
		}
		err = o.fallsShort(err)
		r.fail(e, err)
		return err
	}
	if e.Size = Size(o.fetch.offset); o.want.By != NoSum {
		e.Digest = o.want.String()
	}
	r.FilesDone.Add(1)
	r.Tell(e)
	return nil
}

// fallsShort says how much of the file came, if that is not all of it: what is out nobody
// can take back.
func (o *outflow) fallsShort(err error) error {
	switch came := o.fetch.offset; {
	case came == 0 || came == o.length:
		return err
	case o.length < 0:
		return fmt.Errorf("%w\nwhat went to %s is not the whole file: %d bytes came", err, o.place(), came)
	default:
		return fmt.Errorf("%w\nwhat went to %s is not the whole file: %d bytes of %d came", err, o.place(), came, o.length)
	}
}

// place is the stream in words for people.
func (o *outflow) place() string {
	if o.fetch.shown == "-" {
		return "standard output"
	}
	return o.fetch.shown
}

// get asks until all of the file came, or cannot be had.
func (o *outflow) get() error {
	f := o.fetch
	for {
		err := o.once("GET", f.from, nil, o.take, o.fields()...)
		switch {
		case err == nil || isFinal(err):
			return err
		case f.offset > 0 && f.etag == "":
			return fmt.Errorf("%w; and this server does not tell versions of a file apart (by a strong ETag), so that nobody can go on with one", err)
		}
		f.release(o.run)
		f.tries++
		if err := o.wait(f.from, f.tries, err); err != nil {
			return err
		}
	}
}

// fields ask for what of the file is missing.
func (o *outflow) fields() []field {
	fields := []field{{"Want-Repr-Digest", wantSums(o.run.Digest)}}
	if f := o.fetch; f.offset > 0 {
		fields = append(fields, field{"Range", "bytes=" + strconv.FormatInt(f.offset, 10) + "-"}, field{"If-Range", f.etag})
	}
	return fields
}

// take takes an answer. Whatever is wrong ends the connection: more of its body may be to
// come than anybody wants to read.
func (o *outflow) take(res *http.Response) error {
	err := o.judge(res)
	if err == nil {
		o.fetch.started(o.run, res.ContentLength)
		err = o.pass(res)
	}
	if err != nil {
		o.hangUp()
	}
	return err
}

// judge decides whether the body of an answer is what is to be written next.
func (o *outflow) judge(res *http.Response) error {
	f := o.fetch
	switch {
	case res.StatusCode == http.StatusOK && f.offset == 0:
		return o.begin(res)
	case res.StatusCode == http.StatusOK:
		return final(fmt.Errorf("%s: the connection broke, and the file is another now, or the server goes on with none", f.from))
	case res.StatusCode == http.StatusPartialContent && f.offset > 0:
		if err := f.continuedBy(res); err != nil {
			return final(err)
		}
		return nil
	case f.from.becomesDir(res):
		return final(fmt.Errorf("%s: %w", f.from, errNotOneFile))
	}
	return f.from.notHad(res)
}

// begin notes what the file is, of which nothing came yet.
func (o *outflow) begin(res *http.Response) error {
	if err := o.fetch.from.endless(res); err != nil {
		return err
	}
	o.length, o.fetch.etag = res.ContentLength, res.Header.Get("ETag")
	if strings.HasPrefix(o.fetch.etag, "W/") {
		o.fetch.etag = ""
	}
	o.want, o.hash = sum{}, nil
	if o.run.Digest != NoSum {
		o.want, _ = parseSums(res.Header.Values("Repr-Digest"), o.run.Digest)
	}
	if o.want.By != NoSum {
		o.hash = o.want.By.New()
	}
	return nil
}

// pass moves a body into the stream.
func (o *outflow) pass(res *http.Response) error {
	for {
		b, err := o.tap.buffer(o.ctx)
		if err != nil {
			return err
		}
		n, err := o.read(res, b)
		o.tap.write(b[:n])
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return cutOff(err)
		}
	}
}

// read takes what there is of a body. What came is the tap's from now on, which writes it
// in its order or ends all.
func (o *outflow) read(res *http.Response, b []byte) (int, error) {
	b = b[:o.run.pace.slice(int64(len(b)))]
	if err := o.wire.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	n, err := res.Body.Read(b)
	if n == 0 {
		return 0, err
	}
	o.run.pace.take(o.ctx, int64(n))
	if o.hash != nil {
		o.hash.Write(b[:n])
	}
	f := o.fetch
	f.offset += int64(n)
	f.moved += int64(n)
	f.tries = 0
	if o.length < 0 {
		o.run.Bytes.Add(int64(n))
	}
	o.run.moved(int64(n))
	return n, err
}

// verify compares digests, where the server gave one.
func (o *outflow) verify() error {
	if o.hash == nil {
		return nil
	}
	if got := (sum{By: o.want.By, Value: o.hash.Sum(nil)}); !got.Equal(o.want) {
		return fmt.Errorf("%w\nwhat went to %s must not be used", errDamaged(o.fetch.from.String(), o.want, got), o.place())
	}
	return nil
}

package transfer

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// landed is a file whose bytes have all come.
type landed struct {
	fetch      *fetch
	attributes attributes
	want       sum // given by the server, if by is not ""
	follower   *follower
	got        sum // instead of a follower, for what was small enough
}

const (
	// landChunk is the most bytes between two looks at the clock and the progress.
	landChunk = 4 << 20
	// spliceLeast is what must be left for splicing to pay.
	spliceLeast = 64 << 10
)

// land moves the body of an answer into the part. usable says that all of it was taken.
func (l *getLane) land(f *fetch, res *http.Response) (done *landed, usable bool, err error) {
	if err := f.place(res); err != nil {
		return nil, false, final(err)
	}
	f.started(l.run, res.ContentLength)
	done = &landed{fetch: f, attributes: attributesOf(res.Header)}
	if l.run.Digest != NoSum {
		done.want, _ = parseSums(res.Header.Values("Repr-Digest"), l.run.Digest)
	}
	if f.offset == 0 && res.ContentLength >= 0 && res.ContentLength <= spliceLeast {
		err = l.landSmall(done, int(res.ContentLength))
	} else {
		if done.want.By != NoSum {
			done.follower = follow(f.part.file, done.want.By)
		}
		err = l.landLarge(done, res)
	}
	if err != nil {
		if done.follower != nil {
			done.follower.stop()
		}
		return nil, false, err
	}
	return done, !res.Close, nil
}

// place sets the part to where the body of an answer begins.
func (f *fetch) place(res *http.Response) error {
	if f.offset == 0 {
		return f.part.begin(origin{URL: f.from.String(), ETag: res.Header.Get("ETag"), Size: res.ContentLength})
	}
	if err := f.part.file.Truncate(f.offset); err != nil { // one byte may have been asked for again
		return err
	}
	_, err := f.part.file.Seek(f.offset, io.SeekStart)
	return err
}

// started tells that a body of this length begins; -1 is not known.
func (f *fetch) started(r *Run, length int64) {
	e := f.event(Started)
	e.Offset, e.Size = f.offset, NoSize
	if length >= 0 {
		r.Bytes.Add(f.offset + length - f.size)
		f.size = f.offset + length
		e.Size = Size(f.size)
	}
	r.Tell(e)
	f.moved += f.offset
	r.BytesDone.Add(f.offset)
}

// landSmall reads a body into memory and writes it at once.
func (l *getLane) landSmall(done *landed, size int) error {
	l.run.pace.take(l.ctx, int64(size))
	b := l.scratch[:size]
	if err := l.wire.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return err
	}
	if _, err := io.ReadFull(l.wire.in, b); err != nil {
		return cutOff(err)
	}
	if done.want.By != NoSum {
		h := done.want.By.New()
		h.Write(b)
		done.got = sum{By: done.want.By, Value: h.Sum(nil)}
	}
	if _, err := done.fetch.part.file.Write(b); err != nil {
		return final(err)
	}
	l.count(done.fetch, int64(size))
	return nil
}

// landLarge moves a body: what came along with its head by copying, the rest by splicing.
func (l *getLane) landLarge(done *landed, res *http.Response) error {
	f, file := done.fetch, done.fetch.part.file
	at := f.offset
	var flushed int64
	for left := res.ContentLength; left != 0; {
		n, err := l.landPiece(f, res, left)
		if at += n; done.follower != nil {
			done.follower.reach(at)
		}
		if left > 0 {
			left -= n
		} else {
			l.run.Bytes.Add(n)
		}
		switch {
		case err == io.EOF && left < 0: // the last chunk of a chunked body
			f.size = at
			return nil
		case isLocal(err):
			return final(fmt.Errorf("write %s: %w", f.shown, err))
		case errors.Is(err, os.ErrDeadlineExceeded) && n > 0: // slow, but not dead
		case err != nil:
			return cutOff(err)
		}
		if l.run.Durable {
			flushed = writeBack(file, flushed, at)
		}
	}
	return nil
}

// landPiece moves as much of a body as the rate and the looks at the progress allow, of
// what is left of it; -1 is not known.
func (l *getLane) landPiece(f *fetch, res *http.Response, left int64) (int64, error) {
	n := l.run.pace.slice(landChunk)
	if left > 0 {
		n = min(n, left)
	}
	l.run.pace.take(l.ctx, n)
	if err := l.wire.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	n, err := l.move(f.part.file, res, n)
	if n > 0 {
		l.count(f, n)
	}
	return n, err
}

// move takes at most n bytes of the body; fewer come with an error.
func (l *getLane) move(file *os.File, res *http.Response, n int64) (int64, error) {
	in := l.wire.in
	switch buffered := int64(in.Buffered()); {
	case res.ContentLength < 0:
		return io.CopyN(file, res.Body, n)
	case buffered > 0:
		return io.CopyN(file, in, min(n, buffered))
	}
	// (*os.File).ReadFrom splices from a TCP connection.
	moved, err := file.ReadFrom(&io.LimitedReader{R: l.wire.TCPConn, N: n})
	if err == nil && moved < n {
		err = io.ErrUnexpectedEOF
	}
	return moved, err
}

// writeBack has the disk begin with what has come, so that the sync at the end is short.
func writeBack(file *os.File, from, to int64) int64 {
	const step = 16 << 20
	if to-from < step {
		return from
	}
	_ = unix.SyncFileRange(int(file.Fd()), from, to-from, unix.SYNC_FILE_RANGE_WRITE) // the sync reports errors
	return to
}

func (l *getLane) count(f *fetch, n int64) {
	f.moved += n
	f.tries = 0
	l.run.moved(n)
}

// cutOff puts into words that a body did not come to its end.
func cutOff(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no byte came for %v", silence)
	}
	return fmt.Errorf("the connection broke in the middle of a file: %w", err)
}

// verify compares digests, where the server gave one.
func (d *landed) verify() (err error) {
	if d.follower != nil {
		if d.got, err = d.follower.end(); err != nil {
			return final(err)
		}
	}
	if d.want.By != NoSum && !d.got.Equal(d.want) {
		return errDamaged(d.fetch.shown, d.want, d.got)
	}
	return nil
}

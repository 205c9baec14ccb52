package transfer

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
)

// A stream (standard input) cannot be read twice, and nobody knows how long it is. It is
// uploaded in pieces, of which each is held in memory until the server has it for sure;
// so a connection that breaks costs nothing here, either.

// pieceBytes is the size of a piece. A server syncs each.
const pieceBytes = 8 << 20

// stream is the sending of a reader's bytes.
type stream struct {
	caller
	post   *post
	at     Place // the upload
	offset int64 // bytes that the server has
	hash   hash.Hash
}

// SendStream puts what a reader brings into a drop, under the name that the URL says.
func (r *Run) SendStream(parent context.Context, from io.Reader, url string) error {
	to, err := ParseURL(url)
	if err != nil {
		return err
	}
	if to.isDir() {
		return final(fmt.Errorf("a stream has no name of its own: write it behind %s", url))
	}
	ctx, giveUp := context.WithCancelCause(parent)
	defer giveUp(nil)
	s := &stream{caller: caller{run: r, ctx: ctx, giveUp: giveUp}, post: &post{path: "-", to: to, size: int64(NoSize)}, hash: r.Digest.New()}
	defer s.hangUp()
	r.Files.Add(1)
	if err := s.send(from); err != nil {
		if !s.at.isZero() {
			s.cancel(s.at)
		}
		if parent.Err() != nil {
			err = errInterruptedStream
		}
		r.fail(s.post.event(Failed), err)
		return err
	}
	s.post.size = s.offset
	s.post.storedAt(s.where)
	e := s.post.event(Finished)
	if r.Digest != NoSum {
		e.Digest = sum{By: r.Digest, Value: s.hash.Sum(nil)}.String()
	}
	r.FilesDone.Add(1)
	r.Tell(e)
	return nil
}

// errInterruptedStream is what became of a stream whose rest nobody will read.
var errInterruptedStream = errors.New("interrupted; nobody can go on with a stream: it is to be sent anew, from its beginning")

func (s *stream) send(from io.Reader) error {
	err := s.insist(func() (err error) {
		s.at, err = s.create(s.post.to, -1)
		return err
	})
	if err != nil {
		return err
	}
	s.run.Tell(s.post.event(Started))
	pieces := make(chan piece)
	go s.read(from, pieces) // ends with the stream, or with a read that nobody waits for
	for p := range pieces {
		if p.err != nil {
			return final(fmt.Errorf("read standard input: %w", p.err))
		}
		s.hash.Write(p.bytes)
		s.run.Bytes.Add(int64(len(p.bytes)))
		if err := s.append(p.bytes); err != nil {
			return err
		}
	}
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	return s.complete()
}

// piece is a part of the stream, or why there are no more.
type piece struct {
	bytes []byte
	err   error
}

// read fills two buffers in turn, one while the other is sent.
func (s *stream) read(from io.Reader, to chan<- piece) {
	defer close(to)
	for buffers := [2][]byte{}; ; buffers[0], buffers[1] = buffers[1], buffers[0] {
		if buffers[0] == nil {
			buffers[0] = make([]byte, pieceBytes)
		}
		n, err := io.ReadFull(from, buffers[0])
		if n > 0 && !s.hand(to, piece{bytes: buffers[0][:n]}) {
			return
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return
		case err != nil:
			s.hand(to, piece{err: err})
			return
		}
	}
}

func (s *stream) hand(to chan<- piece, p piece) bool {
	select {
	case to <- p:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// append sends a piece until the server has it.
func (s *stream) append(b []byte) error {
	base := s.offset
	broken := false
	return s.insist(func() (err error) {
		if broken { // what of it has arrived?
			if s.offset, _, err = s.caller.offset(s.at); err != nil {
				return finalIfGone(err)
			}
			if s.offset < base || s.offset > base+int64(len(b)) {
				return final(fmt.Errorf("%s: the server has %d bytes, and said that it had %d", s.post.to, s.offset, base))
			}
		}
		broken = true
		rest := b[s.offset-base:]
		if len(rest) == 0 {
			return nil
		}
		err = s.appendTo(s.at, s.offset, &body{int64(len(rest)), func(w *wire, answered <-chan struct{}) error {
			return s.pourBytes(w, rest, answered)
		}})
		if err == nil {
			s.offset = base + int64(len(b))
		}
		return finalIfGone(err)
	})
}

// pourBytes writes a piece at the rate that is allowed.
func (s *stream) pourBytes(w *wire, b []byte, answered <-chan struct{}) error {
	for len(b) > 0 {
		n := s.run.pace.slice(min(int64(len(b)), pourChunk))
		s.run.pace.take(s.ctx, n)
		if err := w.write(b[:n]); err != nil {
			return err
		}
		s.run.moved(n)
		b = b[n:]
		select {
		case <-answered:
			return nil
		default:
		}
	}
	return nil
}

// complete has the server publish the file.
func (s *stream) complete() error {
	asked := false
	return s.insist(func() error {
		if asked {
			if _, whole, err := s.caller.offset(s.at); err != nil || whole {
				return finalIfGone(err)
			}
		}
		asked = true
		var fields []field
		if s.run.Digest != NoSum {
			fields = append(fields, field{"Repr-Digest", sum{By: s.run.Digest, Value: s.hash.Sum(nil)}.String()})
		}
		return finalIfGone(s.finishAt(s.at, s.offset, fields...))
	})
}

// insist repeats a step until it is done, or patience is over.
func (s *stream) insist(step func() error) error {
	for tries := 1; ; tries++ {
		err := step()
		if err == nil || isFinal(err) {
			return err
		}
		if err := s.wait(s.post.to, tries, err); err != nil {
			return err
		}
	}
}

// finalIfGone knows that a stream cannot be begun again.
func finalIfGone(err error) error {
	if errors.Is(err, errUploadGone) || errors.Is(err, errSpoilt) {
		return final(err)
	}
	return err
}

func (p Place) isZero() bool { return p == Place{} }

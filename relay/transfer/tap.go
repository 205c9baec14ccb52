package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
)

// tap writes to a stream whose reader may stop for as long as he likes, on a goroutine of
// its own: so a fetch can be interrupted meanwhile, and bytes come while others go. Its two
// buffers go around: full ones to the goroutine, which gives them back empty.
type tap struct {
	full  chan []byte
	empty chan []byte
	over  chan struct{} // closed when nothing more is written; err says why
	err   error
}

const tapBytes = 256 << 10 // of a buffer

// openTap begins. The goroutine ends with finish, with a write that fails, or with the
// process: a write that nobody waits for any more cannot be ended.
func openTap(to io.Writer) *tap {
	const buffers = 2
	t := &tap{full: make(chan []byte, buffers), empty: make(chan []byte, buffers), over: make(chan struct{})}
	for range buffers {
		t.empty <- make([]byte, tapBytes)
	}
	go t.run(to)
	return t
}

func (t *tap) run(to io.Writer) {
	defer close(t.over)
	for b := range t.full {
		if len(b) > 0 {
			if _, err := to.Write(b); err != nil {
				t.err = final(refusedBy(err))
				return
			}
		}
		t.empty <- b[:cap(b)]
	}
}

// refusedBy puts into words why a stream takes no more.
func refusedBy(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("%w: whoever was to read that has ended", err)
	}
	return err
}

// buffer waits for an empty buffer. It is to be handed to write, whatever is in it.
func (t *tap) buffer(ctx context.Context) ([]byte, error) {
	select {
	case b := <-t.empty:
		return b, nil
	case <-t.over:
		return nil, t.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// write never blocks: there are no more buffers than the channel holds.
func (t *tap) write(b []byte) { t.full <- b }

// finish waits until all is written. Nothing can be written after it.
func (t *tap) finish(ctx context.Context) error {
	close(t.full)
	select {
	case <-t.over:
		return t.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

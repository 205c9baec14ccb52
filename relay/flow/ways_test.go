package flow

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/loop"
	"relay/relay/sock"
)

// A file system that knows no such way gets copied from, in the same turn and for good.
func TestUnfitWays(t *testing.T) {
	for _, way := range []Way{BySplice, BySendfile, ByMmap} {
		for _, errno := range []sock.Errno{unix.EINVAL, unix.ENOSYS} {
			d := parcel{way: way, body: body(300_000)}.make(t)
			calls := 0
			d.calls.splice = func(int, int64, int, int, bool) (int, sock.Errno) { calls++; return 0, errno }
			d.calls.sendfile = func(int, int, int64, int, bool) (int, sock.Errno) { calls++; return 0, errno }
			d.calls.mapFile = func(int, int64, int) ([]byte, error) { calls++; return nil, errno }
			st, got := d.run(64 << 10)
			d.want(st, Ended)
			if calls != 1 || !bytes.Equal(got, body(300_000)) {
				t.Errorf("way %d, %v: %d calls, %d bytes", way, error(errno), calls, len(got))
			}
		}
	}
}

// A disk that fails is the file's fault and not the reader's.
func TestFileFails(t *testing.T) {
	for name, way := range everyWay {
		d := parcel{way: way, body: body(300_000)}.make(t)
		d.calls.splice = func(int, int64, int, int, bool) (int, sock.Errno) { return 0, unix.EIO }
		d.calls.sendfile = func(int, int, int64, int, bool) (int, sock.Errno) { return 0, unix.EIO }
		d.calls.mapFile = func(int, int64, int) ([]byte, error) { return nil, unix.EIO }
		d.calls.read = func(int, []byte, int64) (int, sock.Errno) { return 0, unix.EIO }
		d.want(d.turn(), SourceFailed)
		if d.src.Err != unix.EIO || d.dst.Err != 0 || d.flow.Holds() {
			t.Errorf("%s: file %v, socket %v, holds %v", name, error(d.src.Err), error(d.dst.Err), d.flow.Holds())
		}
	}
}

// Without a pipe there is sendfile.
func TestNoPipe(t *testing.T) {
	d := parcel{body: body(300_000), budget: -1}.make(t)
	st, got := d.run(64 << 10)
	d.want(st, Ended)
	if !bytes.Equal(got, body(300_000)) || d.mover.Spliced != 300_000 || d.mover.Copied != 0 {
		t.Errorf("%d bytes came, %d spliced, %d copied", len(got), d.mover.Spliced, d.mover.Copied)
	}
}

// When pipes run low, a reader that stops holds none: the file is read again later.
func TestBlockedReaderGivesItsPipeUp(t *testing.T) {
	for low, budget := range map[bool]int64{true: 300 << 10, false: 64 << 20} {
		t.Run(fmt.Sprint(low), func(t *testing.T) {
			d := parcel{body: body(3 << 20), budget: budget, buffer: 16 << 10}.make(t)
			d.want(d.turn(), Blocked)
			if d.flow.Holds() == low || (d.mover.Pool.Lent() == 0) != low {
				t.Errorf("holds %v, %d pipes lent", d.flow.Holds(), d.mover.Pool.Lent())
			}
			st, got := d.run(64 << 10)
			d.want(st, Ended)
			if !bytes.Equal(got, body(3<<20)) {
				t.Errorf("%d bytes arrived, wrong from %d on", len(got), difference(got, body(3<<20)))
			}
		})
	}
}

// A turn is bounded, however fast the reader is.
func TestFileTurnIsBounded(t *testing.T) {
	for name, way := range everyWay {
		d := parcel{way: way, body: body(2 << 20), chunk: 8 << 10}.make(t)
		st := d.turn()
		if d.flow.Moved > turnChunks*8<<10 || st != Moved {
			t.Errorf("%s: %d bytes in one turn, status %d", name, d.flow.Moved, st)
		}
	}
}

// Jobs run, their ends run on the loop, and Close waits for both.
func TestDisk(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan error)
	go func() { over <- l.Run() }()
	d := NewDisk(3)
	const jobs = 500
	worked := make(chan int, jobs)
	back := make(chan int, jobs)
	for i := range jobs {
		d.Do(l, func() { worked <- i }, func() { back <- i })
	}
	var slow atomic.Bool
	d.Do(l, func() {
		time.Sleep(10 * time.Millisecond) // or a Close that does not wait would look as if it did
		slow.Store(true)
	}, nil)
	if !d.Close() || !slow.Load() {
		t.Error("Close did not wait for the last job")
	}
	if len(worked) != jobs {
		t.Errorf("%d jobs were done when Close returned, want %d", len(worked), jobs)
	}
	for range jobs {
		<-back
	}
	d.Do(l, func() { t.Error("a job after Close") }, nil)
	l.Stop()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

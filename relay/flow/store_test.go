package flow

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// arrival is one stream on its way into a file; the test writes the other end.
type arrival struct {
	*Receiver
	t        *testing.T
	flow     Flow
	src      End
	dst      Target
	peer     int
	path     string
	returned chan struct{}
}

type cargo struct {
	mode   Mode
	kind   Kind
	size   int64
	budget int64 // of pipes; -1 = none
}

func (c cargo) make(t *testing.T) *arrival {
	t.Helper()
	a := &arrival{t: t, returned: make(chan struct{}, 1), path: filepath.Join(t.TempDir(), "f")}
	fd, err := unix.Open(a.path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if c.budget == 0 {
		c.budget = 64 << 20
	}
	a.dst = Target{FD: fd}
	a.flow = Flow{Remain: c.size, Chunk: 64 << 10}
	a.src.Kind = c.kind
	a.src.FD, a.peer = connection(t, c.kind, 0)
	t.Cleanup(func() {
		sock.Close(fd)
		sock.Close(a.src.FD)
		if a.peer >= 0 {
			sock.Close(a.peer)
		}
	})
	a.Receiver = NewReceiver(fileHost(t, c.mode, 64<<10, c.budget, &a.flow))
	return a
}

// Returned is called on the loop's thread.
func (a *arrival) Returned() { a.returned <- struct{}{} }

// turn runs a turn, and waits for the worker if it must.
func (a *arrival) turn() Status {
	a.t.Helper()
	st := a.Receive(&a.flow, &a.src, &a.dst, a)
	for st == Pending {
		select {
		case <-a.returned:
		case <-time.After(5 * time.Second):
			a.t.Fatal("the worker never returned")
		}
		st = a.Receive(&a.flow, &a.src, &a.dst, a)
	}
	return st
}

func (a *arrival) want(got, want Status) {
	a.t.Helper()
	if got != want {
		a.t.Fatalf("the turn ended with status %d, want %d (socket %+v, file %+v)", got, want, a.src, a.dst)
	}
}

// wantFile checks what is in the file, and that the flow counted it.
func (a *arrival) wantFile(want []byte) {
	a.t.Helper()
	got, err := os.ReadFile(a.path)
	if err != nil || !bytes.Equal(got, want) {
		a.t.Fatalf("the file holds %d bytes (%v), want %d", len(got), err, len(want))
	}
	if a.flow.Moved != uint64(len(want)) || a.dst.Offset != int64(len(want)) {
		a.t.Fatalf("counted %d and %d bytes, want %d", a.flow.Moved, a.dst.Offset, len(want))
	}
}

// feed sends all of p in pieces of random sizes, with turns in between, and returns the
// status of the last turn.
func (a *arrival) feed(p []byte, seed uint64) (st Status) {
	a.t.Helper()
	whole := uint64(min(int64(len(p)), a.flow.Remain)) + a.flow.Moved
	random := rand.New(rand.NewPCG(seed, 0))
	for len(p) > 0 {
		n, errno := sock.Send(a.peer, p[:min(len(p), 1+random.IntN(200<<10))], false)
		if errno != 0 && errno != unix.EAGAIN {
			a.t.Fatal(errno)
		}
		p = p[n:]
		if st = a.turn(); st != Drained {
			return st
		}
	}
	for a.flow.Moved < whole && st == Drained && poll(a.src.FD, unix.POLLIN, time.Second) != 0 {
		st = a.turn()
	}
	return st
}

func TestReceiveIntoAFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]cargo{
		"spliced":  {},
		"copied":   {mode: Never},
		"no pipes": {budget: -1},
		"unix":     {kind: Unix},
	} {
		for _, size := range []int{1, 100, smallBody, smallBody + 1, 1<<20 + 7} {
			c.size = int64(size)
			a := c.make(t)
			want := body(size)
			a.want(a.feed(want, uint64(size)), Ended)
			a.wantFile(want)
			if spliced := a.mover.Spliced > 0; spliced != (size > smallBody && c.mode != Never && c.budget != -1) {
				t.Errorf("%s, %d bytes: spliced is %v", name, size, spliced)
			}
		}
	}
}

// What follows the body stays in the socket: it is the next request.
func TestReceiveTakesNoMoreThanTheBody(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Auto, Never} {
		a := cargo{mode: mode, size: 100 << 10}.make(t)
		want := body(100 << 10)
		a.want(a.feed(append(bytes.Clone(want), "GET /"...), 1), Ended)
		a.wantFile(want)
		var rest [10]byte
		if n, errno := sock.Recv(a.src.FD, rest[:]); string(rest[:n]) != "GET /" {
			t.Errorf("mode %d: %q is left in the socket, %v", mode, rest[:n], errno)
		}
	}
}

// A small body that is here already is taken ahead, all of it or nothing, and what comes
// after it on the connection stays. The turn that follows accounts for it.
func TestSmallBodyIsTakenEarly(t *testing.T) {
	t.Parallel()
	const size = 5000
	want := body(size)
	for name, c := range map[string]struct {
		sent  []byte
		early bool
	}{
		"all of it":         {append(bytes.Clone(want), "GET /"...), true},
		"a byte is missing": {want[:size-1], false},
		"nothing":           {nil, false},
	} {
		a := cargo{size: size}.make(t)
		if len(c.sent) > 0 {
			if n, errno := sock.Send(a.peer, c.sent, false); n != len(c.sent) {
				t.Fatal(n, errno)
			}
			poll(a.src.FD, unix.POLLIN, time.Second)
		}
		before := sock.Unread(a.src.FD)
		all, more := Here(&a.src, size)
		if all != c.early || more != (before > size) {
			t.Fatalf("%s: here: %v, more: %v", name, all, more)
		}
		if all && !a.Early(&a.src, &a.dst, size) {
			t.Fatalf("%s: not taken early", name)
		}
		if left := sock.Unread(a.src.FD); c.early != (left == before-size) || !c.early && left != before {
			t.Errorf("%s: %d bytes of %d are left", name, left, before)
		}
		if !c.early {
			a.want(a.feed(want[len(c.sent):], 3), Ended)
		} else {
			a.want(a.turn(), Ended)
		}
		a.wantFile(want)
	}
	large := cargo{size: smallBody + 1}.make(t)
	if n, errno := sock.Send(large.peer, make([]byte, smallBody+1), false); n != smallBody+1 {
		t.Fatal(n, errno)
	}
	poll(large.src.FD, unix.POLLIN, time.Second)
	if all, _ := Here(&large.src, smallBody+1); all {
		t.Error("a body that is not small is to be taken early")
	}
}

// A stream that ends before its time is told from one that was reset, and neither from
// a whole one.
func TestReceiveEndsEarly(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Auto, Never} {
		a := cargo{mode: mode, size: 1 << 20}.make(t)
		a.want(a.feed(body(300<<10), 2), Drained)
		sock.Close(a.peer)
		a.peer = -1
		poll(a.src.FD, unix.POLLIN, time.Second)
		a.want(a.turn(), SourceFailed)
		if a.src.Err != 0 {
			t.Errorf("mode %d: a FIN is an error: %v", mode, a.src.Err)
		}
		a.wantFile(body(300 << 10))
		a = cargo{mode: mode, size: 1 << 20}.make(t)
		a.want(a.feed(body(300<<10), 2), Drained)
		sock.Reset(a.peer)
		a.peer = -1
		poll(a.src.FD, unix.POLLIN, time.Second)
		a.want(a.turn(), SourceFailed)
		if a.src.Err != unix.ECONNRESET {
			t.Errorf("mode %d: a reset is %v", mode, a.src.Err)
		}
	}
}

// Urgent data: splice says EAGAIN for ever although the socket is readable.
func TestReceivePastUrgentData(t *testing.T) {
	t.Parallel()
	a := cargo{size: 200 << 10}.make(t)
	want := body(200 << 10)
	a.want(a.feed(want[:50<<10], 3), Drained)
	if err := unix.Sendto(a.peer, []byte("!"), unix.MSG_OOB, nil); err != nil {
		t.Fatal(err)
	}
	a.want(a.feed(want[50<<10:], 3), Ended)
	a.wantFile(want)
}

// Short steps change nothing.
func TestReceiveShortSteps(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Auto, Never} {
		a := cargo{mode: mode, size: 300 << 10}.make(t)
		k := a.calls
		a.calls.splice = func(from, to, max int) (int, sock.Errno) { return k.splice(from, to, min(max, 9999)) }
		a.calls.recv = func(fd int, p []byte) (int, sock.Errno) { return k.recv(fd, p[:min(len(p), 777)]) }
		a.calls.spliceFile = func(pipe, file int, at int64, max int) (int, sock.Errno) {
			return k.spliceFile(pipe, file, at, min(max, 4097))
		}
		a.calls.write = func(file int, p []byte, at int64) (int, sock.Errno) {
			return k.write(file, p[:min(len(p), 100)], at)
		}
		want := body(300 << 10)
		a.want(a.feed(want, 4), Ended)
		a.wantFile(want)
	}
}

// A file system that knows no splice is written to.
func TestReceiveIntoAFileThatTakesNoSplice(t *testing.T) {
	t.Parallel()
	a := cargo{size: 300 << 10}.make(t)
	a.calls.spliceFile = func(int, int, int64, int) (int, sock.Errno) { return 0, unix.EINVAL }
	want := body(300 << 10)
	a.want(a.feed(want, 5), Ended)
	a.wantFile(want)
}

// An error of the file is the file's; what the pipe still held is given up with it.
func TestReceiveFileFails(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Auto, Never} {
		for _, errno := range []sock.Errno{unix.ENOSPC, unix.EIO} {
			a := cargo{mode: mode, size: 1 << 20}.make(t)
			k, done := a.calls, 0
			fails := func() bool { done++; return done > 1 }
			a.calls.spliceFile = func(pipe, file int, at int64, max int) (int, sock.Errno) {
				if fails() {
					return 0, errno
				}
				return k.spliceFile(pipe, file, at, min(max, 1000))
			}
			a.calls.write = func(file int, p []byte, at int64) (int, sock.Errno) {
				if fails() {
					return 0, errno
				}
				return k.write(file, p, at)
			}
			a.want(a.feed(body(1<<20), 6), SinkFailed)
			if a.dst.Err != errno || a.src.Err != 0 {
				t.Errorf("mode %d: the file failed with %v, the socket with %v; want %v", mode, a.dst.Err, a.src.Err, errno)
			}
		}
	}
}

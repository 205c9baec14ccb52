package flow

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// Every way delivers every byte, whatever the size, into any stream socket, past a reader
// that blocks it again and again.
func TestFilesArriveWhole(t *testing.T) {
	page := int(pageSize)
	for name, way := range everyWay {
		for kindName, kind := range map[string]Kind{"tcp": TCP, "unix": Unix} {
			for _, n := range []int{0, 1, page - 1, page, page + 1, smallFile, smallFile + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3_000_017} {
				t.Run(fmt.Sprintf("%s/%s/%d", name, kindName, n), func(t *testing.T) {
					d := parcel{way: way, kind: kind, body: body(n), buffer: 32 << 10}.make(t)
					st, got := d.run(9_973)
					d.want(st, Ended)
					if !bytes.Equal(got, body(n)) {
						t.Errorf("%d bytes arrived, wrong from %d on", len(got), difference(got, body(n)))
					}
					if d.flow.Moved != uint64(n) || d.flow.Remain != 0 || d.src.Offset != int64(n) {
						t.Errorf("moved %d, %d remain, offset %d", d.flow.Moved, d.flow.Remain, d.src.Offset)
					}
				})
			}
		}
	}
}

// A part of a file begins and ends anywhere.
func TestPartOfAFile(t *testing.T) {
	for name, way := range everyWay {
		t.Run(name, func(t *testing.T) {
			d := parcel{way: way, body: body(1 << 20), chunk: 100_000}.make(t)
			d.src.Offset, d.flow.Remain = 12_345, 654_321
			st, got := d.run(64 << 10)
			d.want(st, Ended)
			if !bytes.Equal(got, body(1 << 20)[12_345:12_345+654_321]) {
				t.Errorf("other bytes arrived (%d of them)", len(got))
			}
		})
	}
}

// The head goes first, and what a full socket does not take of it still does.
func TestHeadGoesFirst(t *testing.T) {
	for name, way := range everyWay {
		for _, n := range []int{0, 100, 100_000} {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				d := parcel{way: way, body: body(n), buffer: 16 << 10}.make(t)
				zeros := fillSocket(t, d.dst.FD)
				head := bytes.Repeat([]byte("head "), 1000)
				st := d.Begin(&d.flow, &d.src, &d.dst, head, false)
				d.want(st, Blocked)
				if !d.flow.Holds() {
					t.Error("nothing of the head is kept")
				}
				st, got := d.run(64 << 10)
				d.want(st, Ended)
				if want := append(head, body(n)...); !bytes.Equal(got[zeros:], want) {
					t.Errorf("%d bytes arrived after the zeros, want %d; wrong from %d on",
						len(got)-zeros, len(want), difference(got[zeros:], want))
				}
			})
		}
	}
}

// A small file in memory goes out in one call with its head.
func TestSmallFileRidesAlong(t *testing.T) {
	d := parcel{body: body(smallFile)}.make(t)
	sends := 0
	d.mover.sys.send = func(fd int, p []byte, more bool) (int, sock.Errno) {
		sends++
		if more {
			t.Error("the last bytes are held back")
		}
		return kernel.send(fd, p, more)
	}
	head := append(make([]byte, 0, 64<<10), "head"...)
	d.want(d.Begin(&d.flow, &d.src, &d.dst, head, false), Moved)
	if sends != 1 || d.flow.Remain != 0 || d.flow.Moved != smallFile+4 {
		t.Errorf("%d sends, %d remain, %d moved", sends, d.flow.Remain, d.flow.Moved)
	}
	_, got := d.run(64 << 10)
	if !bytes.Equal(got, append([]byte("head"), body(smallFile)...)) {
		t.Error("other bytes arrived")
	}
}

// Only what is followed by more may be held back by the kernel.
func TestLastBytesAreNotHeldBack(t *testing.T) {
	for _, way := range []Way{ByMmap, ByCopy} {
		d := parcel{way: way, body: body(700_000), chunk: 200_000}.make(t)
		var mores []bool
		d.calls.send = func(fd int, p []byte, more bool) (int, sock.Errno) {
			mores = append(mores, more)
			return fileKernel.send(fd, p, more)
		}
		st, _ := d.run(1 << 20)
		d.want(st, Ended)
		for i, more := range mores {
			if last := i == len(mores)-1; more == last {
				t.Errorf("way %d: send %d of %d has more = %v", way, i+1, len(mores), more)
			}
		}
	}
}

// A file of several steps goes in full segments, and its last one is not held back; what
// is after it on the connection is as before.
func TestCorkIsDrawn(t *testing.T) {
	corked := func(d *delivery) bool {
		v, err := unix.GetsockoptInt(d.dst.FD, unix.IPPROTO_TCP, unix.TCP_CORK)
		if err != nil {
			t.Fatal(err)
		}
		return v != 0
	}
	for name, way := range everyWay {
		d := parcel{way: way, body: body(4_000_000), chunk: 100_000, buffer: 64 << 10}.make(t)
		d.want(d.turn(), Blocked)
		if !corked(d) {
			t.Errorf("%s: partial segments go out in the middle of a file", name)
		}
		st, got := d.run(64 << 10)
		d.want(st, Ended)
		if corked(d) || len(got) != 4_000_000 {
			t.Errorf("%s: still corked: %v, %d bytes came", name, corked(d), len(got))
		}
		short := parcel{way: way, body: body(50_000), chunk: 100_000, buffer: 4 << 10}.make(t)
		if short.turn(); corked(short) {
			t.Errorf("%s: two calls for a file of one step", name)
		}
	}
}

// A file that is shorter than promised fails the flow, at once or in the middle.
func TestFileShrinks(t *testing.T) {
	for name, way := range everyWay {
		for _, left := range []int64{0, 1, 300_000, 999_999} {
			t.Run(fmt.Sprintf("%s/%d", name, left), func(t *testing.T) {
				d := parcel{way: way, body: body(1_000_000), chunk: 100_000}.make(t)
				if err := os.Truncate(d.path, left); err != nil {
					t.Fatal(err)
				}
				st, got := d.run(64 << 10)
				d.want(st, SourceFailed)
				if d.src.Err != 0 || int64(len(got)) > (left+pageSize)/pageSize*pageSize {
					t.Errorf("%d bytes of %d came, error %v", len(got), left, error(d.src.Err))
				}
			})
		}
	}
}

// One that shrinks when all of it is on its way already was perhaps sent with zeros.
func TestFileShrinksAtTheEnd(t *testing.T) {
	d := parcel{body: body(100_000)}.make(t)
	d.calls.splice = func(file int, offset int64, pipe, most int, wait bool) (int, sock.Errno) {
		n, errno := fileKernel.splice(file, offset, pipe, most, wait)
		if err := os.Truncate(d.path, 5000); err != nil {
			t.Fatal(err)
		}
		return n, errno
	}
	st, _ := d.run(64 << 10)
	d.want(st, SourceFailed)
}

// The reader resets.
func TestReaderResets(t *testing.T) {
	for name, way := range everyWay {
		t.Run(name, func(t *testing.T) {
			d := parcel{way: way, body: body(4 << 20), buffer: 16 << 10}.make(t)
			d.want(d.turn(), Blocked)
			sock.Reset(d.peer)
			d.peer, _ = unix.Dup(0)
			await(t, d.dst.FD, unix.POLLERR)
			d.want(d.turn(), SinkFailed)
			if d.dst.Err != unix.ECONNRESET && d.dst.Err != unix.EPIPE {
				t.Errorf("the socket's error is %v", error(d.dst.Err))
			}
		})
	}
}

// Steps may be as short as they like, fail with EAGAIN in between, and be done by a
// worker whenever pages are missing: the bytes are the same.
func TestRandomSteps(t *testing.T) {
	for name, way := range everyWay {
		for seed := range uint64(8) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				d := parcel{way: way, body: body(400_000), chunk: 50_000, buffer: 16 << 10}.make(t)
				d.unreliable(seed)
				st, got := d.run(7_919)
				d.want(st, Ended)
				if !bytes.Equal(got, body(400_000)) {
					t.Errorf("%d bytes arrived, wrong from %d on", len(got), difference(got, body(400_000)))
				}
			})
		}
	}
}

package flow

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// unreliable makes every system call of the sender move less than it could, some of them
// nothing, and says at random that pages are missing. Workers make calls as well.
func (d *delivery) unreliable(seed uint64) {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	dice := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	less := func(n int) int { return 1 + dice(n) }
	d.calls.splice = func(file int, offset int64, pipe, most int, wait bool) (int, sock.Errno) {
		return fileKernel.splice(file, offset, pipe, less(most), wait)
	}
	d.calls.sendfile = func(socket, file int, offset int64, most int, wait bool) (int, sock.Errno) {
		if dice(4) == 0 {
			return 0, unix.EAGAIN
		}
		return fileKernel.sendfile(socket, file, offset, less(most), wait)
	}
	d.calls.read = func(file int, p []byte, offset int64) (int, sock.Errno) {
		return fileKernel.read(file, p[:less(len(p))], offset)
	}
	d.calls.send = func(socket int, p []byte, more bool) (int, sock.Errno) {
		if dice(4) == 0 {
			return 0, unix.EAGAIN
		}
		return fileKernel.send(socket, p[:less(len(p))], more)
	}
	d.mover.sys.splice = func(from, to, most int) (int, sock.Errno) {
		if dice(4) == 0 {
			return 0, unix.EAGAIN
		}
		return kernel.splice(from, to, less(most))
	}
	d.calls.cached = func(file int, offset, length int64) (int64, sock.Errno) {
		if dice(3) == 0 {
			return 0, 0
		}
		return fileKernel.cached(file, offset, length)
	}
}

// What the kernel says about pages decides who does a step.
func TestWhoAsksTheDisk(t *testing.T) {
	const pages = 40 // of 4 KiB at most
	all := func(int, int64, int64) (int64, sock.Errno) { return 1 << 20, 0 }
	refused := func(int, int64, int64) (int64, sock.Errno) { return 0, unix.EPERM }
	read := func(n int, errno sock.Errno) func(int, []byte, int64) (int, sock.Errno) {
		return func(int, []byte, int64) (int, sock.Errno) { return n, errno }
	}
	for _, c := range []struct {
		name    string
		cached  func(int, int64, int64) (int64, sock.Errno)
		readNow func(int, []byte, int64) (int, sock.Errno)
		worker  bool
	}{
		{"all cached", all, read(1, 0), false},
		{"one page missing", func(int, int64, int64) (int64, sock.Errno) { return pages - 1, 0 }, read(1, 0), true},
		{"the last page is still being read", all, read(0, unix.EAGAIN), true},
		{"cached, and reads that do not wait are unknown", all, read(0, unix.EOPNOTSUPP), false},
		{"no cachestat, first and last page there", refused, read(1, 0), false},
		{"no cachestat, a page missing", refused, read(0, unix.EAGAIN), true},
		{"no way to know", refused, read(0, unix.EOPNOTSUPP), true},
	} {
		for wayName, way := range everyWay {
			t.Run(c.name+"/"+wayName, func(t *testing.T) {
				n := pages * int(pageSize)
				d := parcel{way: way, body: body(n), chunk: n}.make(t)
				d.calls.cached, d.calls.readNow = c.cached, c.readNow
				st, got := d.run(64 << 10)
				d.want(st, Ended)
				if (d.worked > 0) != c.worker || !bytes.Equal(got, body(n)) {
					t.Errorf("%d steps by a worker, %d bytes", d.worked, len(got))
				}
			})
		}
	}
}

// On a file system in memory nothing ever waits, though it knows no read that says so.
func TestMemoryFileSystem(t *testing.T) {
	fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	d := parcel{}.make(t)
	d.calls.cached = func(int, int64, int64) (int64, sock.Errno) { return 0, unix.ENOSYS }
	src := File{FD: fd}
	for range 2 {
		if !d.present(&src, 4096) {
			t.Error("a file in memory goes to a worker")
		}
	}
	if src.ask&inMemory == 0 {
		t.Error("it is asked again and again")
	}
}

// While a worker has the flow, further turns change nothing.
func TestPendingStaysPending(t *testing.T) {
	d := parcel{body: body(100_000)}.make(t)
	held := make(chan struct{})
	d.calls.cached = func(int, int64, int64) (int64, sock.Errno) { return 0, 0 }
	d.calls.splice = func(file int, offset int64, pipe, most int, wait bool) (int, sock.Errno) {
		<-held
		return fileKernel.splice(file, offset, pipe, most, wait)
	}
	for range 3 {
		d.want(d.Send(&d.flow, &d.src, &d.dst, d), Pending)
	}
	if !d.src.Out() || d.flow.Moved != 0 {
		t.Errorf("out %v, %d moved", d.src.Out(), d.flow.Moved)
	}
	close(held)
	<-d.returned
	st, got := d.run(64 << 10)
	d.want(st, Ended)
	if !bytes.Equal(got, body(100_000)) {
		t.Error("other bytes arrived")
	}
}

package flow

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/pipepool"
	"relay/relay/sock"
)

// duplex is a session without a proxy: two ends with a flow each way, and the two peers
// that the test plays. Peer i talks to end i; flow i reads end i and writes end 1-i.
type duplex struct {
	*Mover
	t      *testing.T
	budget *pipepool.Budget
	peers  [2]int
	ends   [2]End
	flows  [2]Flow
	calls  struct{ recv, send, splice int }
}

// shape says what a duplex is made of; zero fields get a small usual.
type shape struct {
	mode      Mode
	kind      Kind
	pipeSize  int
	budget    int64 // -1 = none
	copyChunk int
	chunk     int
	buffer    int // SO_SNDBUF and SO_RCVBUF of everything; 0 = the kernel's
}

const (
	testChunk = 4 << 10
	testPipe  = 64 << 10
)

func (s shape) make(t *testing.T) *duplex {
	t.Helper()
	or := func(v *int, usual int) {
		if *v == 0 {
			*v = usual
		}
	}
	or(&s.pipeSize, testPipe)
	or(&s.copyChunk, testChunk)
	or(&s.chunk, 1<<20)
	if s.budget == 0 {
		s.budget = 64 << 20
	}
	d := &duplex{t: t, budget: pipepool.NewBudget(max(s.budget, 0))}
	d.Mover = NewMover(s.mode, pipepool.New(d.budget, s.pipeSize, clock), s.copyChunk)
	for i := range d.ends {
		d.ends[i].Kind = s.kind
		d.ends[i].FD, d.peers[i] = connection(t, s.kind, s.buffer)
		d.flows[i] = Flow{Remain: Unlimited, Chunk: s.chunk}
	}
	d.count()
	t.Cleanup(d.close)
	return d
}

func clock() int64 { return time.Now().UnixNano() }

// count has the system calls of the mover counted.
func (d *duplex) count() {
	d.sys.recv = func(fd int, p []byte) (int, sock.Errno) { d.calls.recv++; return kernel.recv(fd, p) }
	d.sys.send = func(fd int, p []byte, more bool) (int, sock.Errno) {
		d.calls.send++
		return kernel.send(fd, p, more)
	}
	d.sys.splice = func(from, to, most int) (int, sock.Errno) {
		d.calls.splice++
		return kernel.splice(from, to, most)
	}
}

func (d *duplex) close() {
	for i := range d.ends {
		d.Discard(&d.flows[i])
		sock.Close(d.ends[i].FD)
		sock.Close(d.peers[i])
	}
	if n := d.Pool.Lent(); n != 0 {
		d.t.Errorf("%d pipes are still lent at the end", n)
	}
	d.Pool.Close()
	if used := d.budget.Used(); used != 0 {
		d.t.Errorf("%d bytes of pipes are still counted at the end", used)
	}
}

// connection makes a connected pair of sockets, neither of which blocks.
func connection(t *testing.T, kind Kind, buffer int) (near, far int) {
	t.Helper()
	if kind == Unix {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		setBuffers(fds[0], buffer)
		setBuffers(fds[1], buffer)
		return fds[0], fds[1]
	}
	at, _ := sock.TCPAddress(netip.MustParseAddrPort("127.0.0.1:0"))
	listener, err := sock.Listen(&at)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close(listener)
	setBuffers(listener, buffer) // what it accepts inherits them
	at = sock.LocalAddress(listener)
	far, errno := sock.Dial(&at)
	if errno != 0 && errno != unix.EINPROGRESS {
		t.Fatal(errno)
	}
	setBuffers(far, buffer)
	var from sock.Address
	await(t, listener, unix.POLLIN)
	if near, errno = sock.Accept(listener, &from); errno != 0 {
		t.Fatal(errno)
	}
	return near, far
}

// setBuffers makes small buffers fill soon. Over loopback's segments of 64 KiB they would
// stall until a timer probes the window, so segments become small as well.
func setBuffers(fd, n int) {
	if n > 0 {
		sock.SetInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1400)
		sock.SetInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, n)
		sock.SetInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, n)
	}
}

// poll reports which of the events a descriptor has, at once.
func poll(fd int, events int16, wait time.Duration) int16 {
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	if n, _ := unix.Poll(p, int(wait.Milliseconds())); n <= 0 {
		return 0
	}
	return p[0].Revents
}

// await waits until a descriptor has one of the events.
func await(t *testing.T, fd int, events int16) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if poll(fd, events, time.Second) != 0 {
			return
		}
	}
	t.Fatalf("descriptor %d never had events %#x", fd, events)
}

// move runs a turn of flow i.
func (d *duplex) move(i int) Status { return d.Move(&d.flows[i], &d.ends[i], &d.ends[1-i]) }

// moveReady waits until the source of flow i is readable, and runs a turn.
func (d *duplex) moveReady(i int) Status {
	d.t.Helper()
	await(d.t, d.ends[i].FD, unix.POLLIN)
	return d.move(i)
}

// held is what flow i holds, in words and numbers.
func (d *duplex) held(i int) string {
	pipe, kept := "no pipe", "no buffer"
	f := &d.flows[i]
	if f.pipe != nil {
		pipe = fmt.Sprintf("a pipe with %d bytes", f.pipe.Bytes)
	}
	if f.kept != nil {
		kept = fmt.Sprintf("a buffer with %d bytes", len(f.kept.buf)-f.kept.from)
	}
	return fmt.Sprintf("%s and %s, can fill: %v", pipe, kept, f.CanFill())
}

// want checks what a turn said.
func (d *duplex) want(got, want Status) {
	d.t.Helper()
	if got != want {
		d.t.Fatalf("the turn ended with status %d, want %d (ends %+v)", got, want, d.ends)
	}
}

// send writes all of p to peer i, which must have room for it, and waits until all of it
// has arrived.
func (d *duplex) send(i int, p []byte) {
	d.t.Helper()
	want := waiting(d.t, d.ends[i].FD) + len(p)
	d.write(i, p)
	for end := time.Now().Add(5 * time.Second); waiting(d.t, d.ends[i].FD) < want; runtime.Gosched() {
		if time.Now().After(end) {
			d.t.Fatalf("%d bytes have arrived, want %d", waiting(d.t, d.ends[i].FD), want)
		}
	}
}

func (d *duplex) write(i int, p []byte) {
	d.t.Helper()
	if n, errno := sock.Send(d.peers[i], p, false); n != len(p) {
		d.t.Fatalf("peer %d sent %d of %d bytes, %v", i, n, len(p), error(errno))
	}
}

// waiting is how many bytes can be read.
func waiting(t *testing.T, fd int) int {
	t.Helper()
	n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// receive reads n bytes at peer i.
func (d *duplex) receive(i, n int) []byte {
	d.t.Helper()
	p := make([]byte, n)
	for got := 0; got < n; {
		await(d.t, d.peers[i], unix.POLLIN)
		m, errno := sock.Recv(d.peers[i], p[got:])
		if m == 0 {
			d.t.Fatalf("peer %d received %d of %d bytes, then %v", i, got, n, error(errno))
		}
		got += m
	}
	return p
}

// wantBytes reads at peer i and compares.
func (d *duplex) wantBytes(i int, want []byte) {
	d.t.Helper()
	if got := d.receive(i, len(want)); !bytes.Equal(got, want) {
		d.t.Fatalf("peer %d received other bytes than were sent, from byte %d on", i, difference(got, want))
	}
}

func difference(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// stuff fills the sink of flow i to the brim with zeros and says how many.
func (d *duplex) stuff(i int) int {
	d.t.Helper()
	return fillSocket(d.t, d.ends[1-i].FD)
}

// fillSocket fills until nothing more goes in after a rest: TCP moves what it has to the
// other side's buffer and then takes more.
func fillSocket(t *testing.T, fd int) int {
	t.Helper()
	zeros := make([]byte, 64<<10)
	total, rested := 0, false
	for {
		n, errno := sock.Send(fd, zeros, false)
		total += n
		switch {
		case n > 0:
			rested = false
		case errno != unix.EAGAIN:
			t.Fatal(errno)
		case rested:
			return total
		default:
			poll(fd, unix.POLLOUT, 20*time.Millisecond)
			rested = true
		}
	}
}

// pattern is what streams are made of: its length is prime, so that no shift by a power
// of two goes unseen.
var pattern = func() []byte {
	p := make([]byte, 1_000_003)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range p {
		p[i] = byte(random.Uint32())
	}
	return append(p, p...)
}()

// piece is n bytes of stream number which, from an offset.
func piece(which int, offset int64, n int) []byte {
	at := (offset + int64(which)*333_333) % int64(len(pattern)/2)
	return pattern[at : at+int64(n)]
}

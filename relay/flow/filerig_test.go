package flow

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/pipepool"
	"relay/relay/loop"
	"relay/relay/sock"
)

// delivery is one file on its way into a socket; the test reads the other end.
type delivery struct {
	*Sender
	t        *testing.T
	flow     Flow
	src      File
	dst      End
	peer     int
	path     string
	returned chan struct{}
	worked   int // steps that a worker did
}

var everyWay = map[string]Way{"splice": BySplice, "sendfile": BySendfile, "mmap": ByMmap, "copy": ByCopy}

// parcel says what a delivery is made of; zero fields get a small usual.
type parcel struct {
	way    Way
	kind   Kind
	body   []byte
	chunk  int
	budget int64 // of pipes; -1 = none
	buffer int   // of the sockets
}

func (p parcel) make(t *testing.T) *delivery {
	t.Helper()
	d := &delivery{t: t, returned: make(chan struct{}, 1), path: filepath.Join(t.TempDir(), "f")}
	if err := os.WriteFile(d.path, p.body, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(d.path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if p.chunk == 0 {
		p.chunk = 256 << 10
	}
	if p.budget == 0 {
		p.budget = 64 << 20
	}
	d.src = File{FD: fd, Way: p.way}
	d.flow = Flow{Remain: int64(len(p.body)), Chunk: p.chunk}
	d.dst.Kind = p.kind
	d.dst.FD, d.peer = connection(t, p.kind, p.buffer)
	t.Cleanup(func() {
		sock.Close(fd)
		sock.Close(d.dst.FD)
		sock.Close(d.peer)
	})
	d.Sender = NewSender(fileHost(t, Auto, 256<<10, p.budget, &d.flow))
	return d
}

// fileHost is what a flow with a file at one end needs around it, with pipes of so many
// bytes out of a budget. At the end of the test, before what the caller closes then, it is
// checked that the flow leaves no pipe behind.
func fileHost(t *testing.T, mode Mode, pipe int, budget int64, f *Flow) (*Mover, *Disk, *loop.Loop) {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan error)
	go func() { over <- l.Run() }()
	disk := NewDisk(2)
	m := NewMover(mode, pipepool.New(pipepool.NewBudget(max(budget, 0)), pipe, clock), testChunk)
	t.Cleanup(func() {
		disk.Close()
		l.Stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
		m.Discard(f)
		if n := m.Pool.Lent(); n != 0 {
			t.Errorf("%d pipes are still lent at the end", n)
		}
		m.Pool.Close()
	})
	return m, disk, l
}

// Returned is called on the loop's thread.
func (d *delivery) Returned() { d.returned <- struct{}{} }

// turn runs one turn, and waits for the worker if it must.
func (d *delivery) turn() Status {
	d.t.Helper()
	st := d.Send(&d.flow, &d.src, &d.dst, d)
	for st == Pending {
		select {
		case <-d.returned:
		case <-time.After(5 * time.Second):
			d.t.Fatal("the worker never returned")
		}
		d.worked++
		st = d.Send(&d.flow, &d.src, &d.dst, d)
	}
	return st
}

func (d *delivery) want(got, want Status) {
	d.t.Helper()
	if got != want {
		d.t.Fatalf("the turn ended with status %d, want %d (file %+v, socket %+v)", got, want, d.src, d.dst)
	}
}

// run gives turns until the flow is over, and reads everything meanwhile, most bytes at a
// time.
func (d *delivery) run(most int) (Status, []byte) {
	d.t.Helper()
	var got []byte
	buf := make([]byte, most)
	read := func() {
		for {
			n, _ := sock.Recv(d.peer, buf)
			if n == 0 {
				return
			}
			got = append(got, buf[:n]...)
		}
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		switch st := d.turn(); st {
		case Moved:
		case Blocked:
			for poll(d.dst.FD, unix.POLLOUT, 0) == 0 {
				read()
			}
		default:
			for idle := 0; idle < 3; idle++ {
				if poll(d.peer, unix.POLLIN, 50*time.Millisecond) != 0 {
					idle = 0
				}
				before := len(got)
				if read(); len(got) == before && int64(len(got)) == int64(d.flow.Moved) {
					break
				}
			}
			return st, got
		}
	}
	d.t.Fatal("the flow is never over")
	return 0, nil
}

// body is n bytes that repeat nowhere.
func body(n int) []byte {
	p := make([]byte, n)
	for at := 0; at < n; at += len(pattern) / 2 {
		copy(p[at:], pattern[:len(pattern)/2])
	}
	return p
}

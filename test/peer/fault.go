package peer

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
)

// Fault is a bad network: a proxy that cuts connections after random numbers of bytes,
// and can turn a bit around. What it does follows from its seed and the order of its
// connections.
type Fault struct {
	*Server

	target  atomic.Pointer[string]
	mu      sync.Mutex
	random  *rand.Rand
	cuts    int   // connections still to be cut
	cutMost int64 // bytes, both ways together, after which at the latest
	flips   atomic.Int64
	flipAt  int64 // bytes of a connection towards the target, or from it, before the one that is damaged
	toward  bool
	due     atomic.Int64                  // bytes of payload towards the target up to the one to damage; ≤ 0 = none
	gate    atomic.Pointer[chan struct{}] // not nil: nothing goes towards the target until it is closed
	waiting atomic.Int64
	cut     atomic.Int64
	flipped atomic.Int64
	passed  atomic.Int64
}

// Flaky makes a proxy to target that cuts the first connections, as many as cuts, after
// 1 to most bytes each, by a reset or a FIN.
func Flaky(target string, seed uint64, cuts int, most int64) (*Fault, error) {
	f := &Fault{random: rand.New(rand.NewPCG(seed, 0)), cuts: cuts, cutMost: most}
	return f, f.start(target)
}

// Flipping makes a proxy to target that damages the byte at an offset, once on each of
// so many connections, of what goes towards the target or comes from it.
func Flipping(target string, connections int64, at int64, toward bool) (*Fault, error) {
	f := &Fault{flipAt: at, toward: toward}
	f.flips.Store(connections)
	return f, f.start(target)
}

// FlipPayload has one bit turned around: in the byte of payload, of the requests of all
// connections towards the target, that is the n-th from now.
func (f *Fault) FlipPayload(n int64) { f.due.Store(n) }

// Hold has nothing more go towards the target until Release.
func (f *Fault) Hold() {
	gate := make(chan struct{})
	f.gate.Store(&gate)
}

// Release ends Hold.
func (f *Fault) Release() { close(*f.gate.Swap(nil)) }

// Waiting is how many connections have something to pass on that Hold keeps back.
func (f *Fault) Waiting() int64 { return f.waiting.Load() }

// await waits at the gate.
func (f *Fault) await() {
	gate := f.gate.Load()
	if gate == nil {
		return
	}
	f.waiting.Add(1)
	<-*gate
	f.waiting.Add(-1)
}

func (f *Fault) start(target string) (err error) {
	f.target.Store(&target)
	f.Server, err = Serve("127.0.0.1:0", f.pass)
	return err
}

// Cut is how many connections were cut.
func (f *Fault) Cut() int64 { return f.cut.Load() }

// Flipped is how many bits were turned around.
func (f *Fault) Flipped() int64 { return f.flipped.Load() }

// Passed is how many bytes have gone towards the target.
func (f *Fault) Passed() int64 { return f.passed.Load() }

// Target changes where connections go from now on.
func (f *Fault) Target(address string) { f.target.Store(&address) }

// draw is the number of bytes after which the next connection is cut, or none, and how.
func (f *Fault) draw() (budget *atomic.Int64, reset bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cuts <= 0 {
		return nil, false
	}
	f.cuts--
	budget = &atomic.Int64{}
	budget.Store(1 + f.random.Int64N(f.cutMost))
	return budget, f.random.IntN(2) == 0
}

func (f *Fault) pass(c *Conn) {
	to, err := net.Dial("tcp", *f.target.Load())
	if err != nil {
		return // nobody is there: the client finds its connection closed
	}
	defer to.Close()
	budget, reset := f.draw()
	var once sync.Once
	end := func() {
		once.Do(func() {
			if reset {
				_ = c.Reset()
				_ = to.(*net.TCPConn).SetLinger(0)
			}
			c.Close()
			to.Close()
		})
	}
	var both sync.WaitGroup
	both.Go(func() { f.copy(to, c, true, budget, end) })
	both.Go(func() { f.copy(c, to, false, budget, end) })
	both.Wait()
}

// copy passes bytes on in one direction until an end or the cut.
func (f *Fault) copy(to io.Writer, from io.Reader, toward bool, budget *atomic.Int64, end func()) {
	buf := make([]byte, 32<<10)
	var content requests
	for at := int64(0); ; {
		n, err := from.Read(buf)
		piece := buf[:n]
		if i := f.flipAt - at; toward == f.toward && f.flipAt > 0 && 0 <= i && i < int64(n) && f.flips.Add(-1) >= 0 {
			piece[i] ^= 1 << (i % 8)
			f.flipped.Add(1)
		}
		if toward {
			f.damage(content.payload(piece))
			f.await()
		}
		at += int64(n)
		cut := false
		if budget != nil {
			if left := budget.Add(-int64(n)); left <= 0 {
				piece, cut = piece[:max(0, int64(n)+left)], true
				f.cut.Add(1)
			}
		}
		if _, werr := to.Write(piece); werr != nil || cut {
			break
		}
		if toward {
			f.passed.Add(int64(n))
		}
		if err == io.EOF {
			if half, ok := to.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
			return
		}
		if err != nil {
			break
		}
	}
	end()
}

// damage turns around the bit that is due, if it is in one of these parts.
func (f *Fault) damage(parts [][]byte) {
	for _, part := range parts {
		n := int64(len(part))
		if due := f.due.Add(-n) + n; 0 < due && due <= n {
			part[due-1] ^= 1 << (due % 8)
			f.flipped.Add(1)
		}
	}
}

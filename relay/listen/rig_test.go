package listen

import (
	"bytes"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
	"relay/relay/loop"
	"relay/relay/sock"
)

// patience bounds every wait.
const patience = 5 * time.Second

// rig is a service on a few loops, and takers that keep what they are given.
type rig struct {
	*Service
	t         *testing.T
	loops     []*loop.Loop
	takers    []*taker
	acceptors []*Acceptor
	running   sync.WaitGroup
	log       *lines
}

// taker hands what it gets to the test.
type taker struct {
	taken   chan Conn
	refused chan Refusal
}

func (k *taker) Take(c Conn)                 { k.taken <- c }
func (k *taker) Refused(_ Conn, why Refusal) { k.refused <- why }

// lines is a log that the test can read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count is how often a text stands in the log.
func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.text.Bytes(), []byte(text))
}

// newRig opens a service on n loops that turn; no acceptor has been started.
func newRig(t *testing.T, n int, c config.Service, capacity *Capacity) *rig {
	t.Helper()
	if len(c.Listen) == 0 {
		c.Listen = []config.Address{{TCP: netip.MustParseAddrPort("127.0.0.1:0")}}
	}
	c.Name, c.Backlog = "test", sock.Backlog
	r := &rig{t: t, log: &lines{}}
	s, err := Open("listener", c, capacity, zerolog.New(r.log))
	if err != nil {
		t.Fatal(err)
	}
	r.Service = s
	places := make([]Place, n)
	for i := range places {
		k := &taker{make(chan Conn, 1000), make(chan Refusal, 1000)}
		r.takers = append(r.takers, k)
		places[i] = Place{r.newLoop(), k}
	}
	r.acceptors = Attach(s, places)
	for _, l := range r.loops {
		r.running.Go(func() {
			if err := l.Run(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(r.end)
	return r
}

func (r *rig) newLoop() *loop.Loop {
	l, err := loop.New()
	if err != nil {
		r.t.Fatal(err)
	}
	r.loops = append(r.loops, l)
	return l
}

// end stops accepting and the loops, and closes what nobody took.
func (r *rig) end() {
	for i, a := range r.acceptors {
		r.on(i, a.Stop)
	}
	for _, l := range r.loops {
		l.Stop()
	}
	r.running.Wait()
	for _, k := range r.takers {
		for len(k.taken) > 0 {
			sock.Close((<-k.taken).FD)
		}
	}
}

// plenty is a process that may have any number of sessions.
func plenty() *Capacity { return &Capacity{Max: 1 << 30} }

// on runs f on loop i and waits for it.
func (r *rig) on(i int, f func()) {
	done := make(chan struct{})
	r.loops[i].Post(func() { f(); close(done) })
	<-done
}

func (r *rig) start(which ...int) {
	r.t.Helper()
	for _, i := range which {
		r.on(i, func() {
			if err := r.acceptors[i].Start(); err != nil {
				r.t.Error(err)
			}
		})
	}
}

// address is where the first socket listens.
func (r *rig) address() netip.AddrPort {
	a := sock.LocalAddress(r.sockets[0].fd)
	return a.AddrPort()
}

// dial makes n clients, which live as long as the test.
func (r *rig) dial(n int) []net.Conn {
	r.t.Helper()
	all := make([]net.Conn, n)
	for i := range all {
		c, err := net.Dial("tcp", r.address().String())
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { c.Close() })
		all[i] = c
	}
	return all
}

// take is the next connection that loop i was given.
func (r *rig) take(i int) Conn {
	r.t.Helper()
	select {
	case c := <-r.takers[i].taken:
		r.t.Cleanup(func() { sock.Close(c.FD) })
		return c
	case <-time.After(patience):
		r.t.Fatalf("loop %d was given no connection", i)
		panic("not reached")
	}
}

// eventually waits for what no event tells.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to pass that %s", what)
		}
	}
}

// unixService is a service on a unix socket in a fresh directory.
func unixService(t *testing.T) (config.Service, string) {
	path := filepath.Join(t.TempDir(), "s")
	return config.Service{Listen: []config.Address{{Unix: path}}}, path
}

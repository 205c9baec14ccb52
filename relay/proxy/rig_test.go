package proxy

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"relay/config"
	"relay/pipepool"
	"relay/relay/flow"
	"relay/relay/listen"
	"relay/relay/loop"
	"relay/relay/upstream"
)

// patience bounds every wait.
const patience = 10 * time.Second

// rig is a relay without its server: a listener on a few loops, an upstream, and the
// backends that the test plays.
type rig struct {
	t         *testing.T
	workers   []*worker
	running   sync.WaitGroup
	acceptors []*listen.Acceptor
	listener  *Listener
	capacity  *listen.Capacity
	budget    *pipepool.Budget
	address   string
	backends  []net.Listener
	journal   journal
	before    int // descriptors
}

// worker is a loop with its pool and its sessions.
type worker struct {
	loop     *loop.Loop
	pool     *pipepool.Pool
	sessions *Sessions
}

// shape says what a rig is made of; zero fields get a usual value.
type shape struct {
	loops       int
	mode        flow.Mode
	unixClient  bool
	unixBackend bool
	small       bool             // backends and clients with small socket buffers
	pipeBudget  int64            // -1 = none
	backends    []config.Backend // in place of one that listens
	edit        func(*config.Listener, *config.Upstream)
}

func (s shape) start(t *testing.T) *rig {
	t.Helper()
	warmUp(t)
	if s.loops == 0 {
		s.loops = 1
	}
	if s.pipeBudget == 0 {
		s.pipeBudget = 64 << 20
	}
	r := &rig{t: t, before: descriptors(t), capacity: &listen.Capacity{Max: 1 << 20}}
	r.budget = pipepool.NewBudget(max(s.pipeBudget, 0))
	t.Cleanup(r.end)
	c, u := s.configuration(r)
	if s.edit != nil {
		s.edit(c, u)
	}
	r.open(c, u)
	for range s.loops {
		r.addWorker(s.mode)
	}
	r.run()
	return r
}

// configuration is a listener in front of one backend.
func (s shape) configuration(r *rig) (*config.Listener, *config.Upstream) {
	c := &config.Listener{Service: config.Service{
		Name: "web", Listen: []config.Address{{TCP: netip.MustParseAddrPort("127.0.0.1:0")}},
		IdleTimeout: time.Minute, HalfCloseTimeout: time.Minute,
	}, Upstream: "up"}
	if s.unixClient {
		c.Listen[0] = config.Address{Unix: filepath.Join(r.t.TempDir(), "listener")}
	}
	u := &config.Upstream{Name: "up", ConnectTimeout: 5 * time.Second, ConnectRetries: 3, Backends: s.backends}
	if u.Backends == nil {
		u.Backends = []config.Backend{r.backend(s.unixBackend, s.small)}
	}
	return c, u
}

// backend listens for the sessions of one backend.
func (r *rig) backend(isUnix, small bool) config.Backend {
	r.t.Helper()
	network, at := "tcp", "127.0.0.1:0"
	if isUnix {
		network, at = "unix", filepath.Join(r.t.TempDir(), "backend")
	}
	l, err := (&net.ListenConfig{Control: buffers(small)}).Listen(r.t.Context(), network, at)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { l.Close() })
	r.backends = append(r.backends, l)
	if isUnix {
		return config.Backend{Address: config.Address{Unix: at}, Weight: 1}
	}
	return config.Backend{Address: config.Address{TCP: l.Addr().(*net.TCPAddr).AddrPort()}, Weight: 1}
}

// buffers makes a socket's buffers small before it is used, so that they fill soon. (Over
// loopback's segments of 64 KiB they would stall until a timer probes the window.)
func buffers(small bool) func(string, string, syscall.RawConn) error {
	return func(network, _ string, c syscall.RawConn) error {
		if !small {
			return nil
		}
		return c.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 32<<10)
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 32<<10)
			if network != "unix" {
				unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1400)
			}
		})
	}
}

func (r *rig) open(c *config.Listener, u *config.Upstream) {
	r.t.Helper()
	service, err := listen.Open("listener", c.Service, r.capacity, zerolog.New(&r.journal))
	if err != nil {
		r.t.Fatal(err)
	}
	r.address = service.Addresses()[0] // port 0 has become a real one
	up, err := upstream.New(*u, zerolog.Nop())
	if err != nil {
		r.t.Fatal(err)
	}
	target, err := NewTarget(up)
	if err != nil {
		r.t.Fatal(err)
	}
	r.listener = NewListener(service, c, map[string]*Target{c.Upstream: target}, 1<<20)
}

func (r *rig) addWorker(mode flow.Mode) {
	r.t.Helper()
	l, err := loop.New()
	if err != nil {
		r.t.Fatal(err)
	}
	w := &worker{loop: l, pool: pipepool.New(r.budget, 256<<10, loop.Clock)}
	mover := flow.NewMover(mode, w.pool, 16<<10)
	w.sessions = NewSessions(l, mover, zerolog.New(&r.journal).Level(zerolog.DebugLevel), true)
	r.workers = append(r.workers, w)
}

// run turns the loops and starts to accept on the first of them.
func (r *rig) run() {
	places := make([]listen.Place, len(r.workers))
	for i, w := range r.workers {
		places[i] = listen.Place{Loop: w.loop, Taker: w.sessions.Taker(r.listener)}
	}
	r.acceptors = listen.Attach(r.listener.Service, places)
	for _, w := range r.workers {
		r.running.Go(func() {
			if err := w.loop.Run(); err != nil {
				r.t.Error(err)
			}
		})
	}
	r.on(0, func() {
		if err := r.acceptors[0].Start(); err != nil {
			r.t.Error(err)
		}
	})
}

// on runs f on the thread of loop i and waits for it.
func (r *rig) on(i int, f func()) {
	done := make(chan struct{})
	r.workers[i].loop.Post(func() {
		defer close(done)
		f()
	})
	<-done
}

// end stops everything and checks that nothing is left of it.
func (r *rig) end() {
	for i, a := range r.acceptors {
		r.on(i, a.Stop)
	}
	for i, w := range r.workers {
		r.on(i, func() {
			w.sessions.FinishAll(Killed)
			if n := w.pool.Lent(); n != 0 {
				r.t.Errorf("loop %d has lent %d pipes at the end", i, n)
			}
			w.pool.Close()
		})
		if n := w.loop.Load.Load(); n != 0 {
			r.t.Errorf("loop %d has load %d at the end", i, n)
		}
		w.loop.Stop()
	}
	r.running.Wait()
	if r.listener == nil {
		return
	}
	for _, b := range r.listener.Target.Upstream.Backends() {
		if n := b.Load(); n != 0 {
			r.t.Errorf("backend %s has %d sessions at the end", b.Name, n)
		}
	}
	if n, used := r.capacity.Used(), r.budget.Used(); n != 0 || used != 0 {
		r.t.Errorf("%d sessions and %d bytes of pipes are counted at the end", n, used)
	}
	r.checkDescriptors()
}

func (r *rig) checkDescriptors() {
	if now := descriptors(r.t); now != r.before {
		r.t.Errorf("%d descriptors at the end, %d before", now, r.before)
	}
}

// warmUp has the runtime open what it keeps for itself.
var warmUp = func() func(*testing.T) {
	var once sync.Once
	return func(t *testing.T) {
		once.Do(func() {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
		})
	}
}()

func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

var logNothing = zerolog.Nop()

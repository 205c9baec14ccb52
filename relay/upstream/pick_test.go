package upstream

import (
	"errors"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"relay/config"
)

// backendsOf gives backends addresses by their numbers.
func backendsOf(all ...config.Backend) config.Upstream {
	for i := range all {
		all[i].Address = address(i)
	}
	return config.Upstream{Name: "web", Backends: all}
}

func (p pool) wantLoads(t *testing.T, want ...int) {
	t.Helper()
	for i, b := range p.Backends() {
		if b.Load() != want[i] {
			t.Errorf("backend %d has %d sessions, want %d", i, b.Load(), want[i])
		}
	}
}

// Whatever the balance, a pick passes over who is drained, full or tried, and one that
// fails leaves no trace.
func TestPickPassesOver(t *testing.T) {
	one := func(weight, most int) config.Backend { return config.Backend{Weight: weight, SessionsMax: most} }
	for _, tc := range []struct {
		name     string
		backends []config.Backend
		loads    []int
		tried    []int
		want     int // -1 = an error
		err      error
	}{
		{"no weight", []config.Backend{one(0, 0), one(0, 0)}, []int{0, 0}, nil, -1, ErrNoBackend},
		{"weight on one only", []config.Backend{one(0, 0), one(1, 0)}, []int{0, 0}, nil, 1, nil},
		{"full", []config.Backend{one(1, 2), one(1, 2)}, []int{2, 1}, nil, 1, nil},
		{"all full", []config.Backend{one(1, 2), one(1, 2)}, []int{2, 2}, nil, -1, ErrFull},
		{"no limit is never full", []config.Backend{one(1, 0)}, []int{1 << 40}, nil, 0, nil},
		{"tried", []config.Backend{one(1, 0), one(1, 0), one(1, 0)}, []int{0, 0, 0}, []int{0, 1}, 2, nil},
		{"all tried", []config.Backend{one(1, 0), one(1, 0)}, []int{0, 0}, []int{1, 0}, -1, ErrNoBackend},
		{"tried or full", []config.Backend{one(1, 0), one(1, 1)}, []int{0, 1}, []int{0}, -1, ErrFull},
		{"tried and full", []config.Backend{one(1, 1), one(1, 0)}, []int{1, 0}, []int{0}, 1, nil},
		{"tried though it has most turns", []config.Backend{one(9, 0), one(1, 0)}, []int{0, 0}, []int{0}, 1, nil},
	} {
		for balance := config.RoundRobin; balance <= config.First; balance++ {
			c := backendsOf(tc.backends...)
			c.Balance = balance
			p := poolOf(t, c)
			p.preload(tc.loads)
			var tried []*Backend
			for _, i := range tc.tried {
				tried = append(tried, p.at(i))
			}
			want := append([]int{}, tc.loads...)
			b, err := p.Pick(keyOf(1), tried)
			if !errors.Is(err, tc.err) || (b == nil) != (tc.want < 0) {
				t.Fatalf("%s, %v: picked %v, %v", tc.name, balance, b, err)
			}
			if b != nil {
				want[tc.want]++
			}
			p.wantLoads(t, want...)
		}
	}
}

// preload puts sessions on the backends.
func (p pool) preload(loads []int) {
	all := p.Backends()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, n := range loads {
		b := all[i]
		b.tier.setReady(b, false)
		b.load = n
		b.tier.load += n
		b.tier.admit(b)
	}
}

// The turn of a full backend goes to the others alike.
func TestFullBackendsTurnsAreSpread(t *testing.T) {
	p := poolOf(t, backendsOf(config.Backend{Weight: 1, SessionsMax: 1}, config.Backend{Weight: 1}, config.Backend{Weight: 1}))
	for i := range 101 {
		p.pick(t, i)
	}
	p.wantLoads(t, 1, 50, 50)
}

// However many loops pick at once, loads are exact and limits hold.
func TestPickConcurrently(t *testing.T) {
	const loops, each, most = 4, 500, 30
	p := poolOf(t, backendsOf(config.Backend{Weight: 3}, config.Backend{Weight: 1, SessionsMax: most}, config.Backend{Weight: 2}))
	held := make([][3]int, loops)
	var all sync.WaitGroup
	for i := range loops {
		all.Go(func() {
			for n := range each {
				b, err := p.Pick(Key{}, nil)
				switch {
				case err != nil:
					t.Error(err)
				case n%3 == 0:
					b.Leave()
				default:
					held[i][b.place]++
				}
			}
		})
	}
	all.Wait()
	want := make([]int, 3)
	for _, h := range held {
		for i := range h {
			want[i] += h[i]
		}
	}
	p.wantLoads(t, want...)
	if want[1] > most {
		t.Errorf("%d sessions on a backend for %d", want[1], most)
	}
}

func TestNewBackend(t *testing.T) {
	u, err := New(config.Upstream{Name: "u", Backends: []config.Backend{
		{Address: config.Address{Unix: "/run/b.sock"}, Weight: 1},
		{Address: config.Address{Unix: "@b"}, Weight: 1},
	}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	if b := u.Backends()[0]; !b.Unix || b.Name != "unix:/run/b.sock" || b.Address.Family() != unix.AF_UNIX {
		t.Errorf("backend %q, unix %v, family %d", b.Name, b.Unix, b.Address.Family())
	}
	bad := config.Backend{Address: config.Address{Unix: string(make([]byte, 200))}}
	if _, err := New(config.Upstream{Name: "u", Backends: []config.Backend{bad}}, zerolog.Nop()); err == nil {
		t.Error("a path of 200 bytes was accepted")
	}
}

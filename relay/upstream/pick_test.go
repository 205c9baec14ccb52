package upstream

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"relay/config"
)

func TestPickFollowsTheSchedule(t *testing.T) {
	u := weighted(t, 5, 1, 1)
	for range 3 {
		if got := picks(t, u, 7); !slices.Equal(got, []int{0, 0, 1, 0, 2, 0, 0}) {
			t.Errorf("sessions went to %v", got)
		}
	}
	wantLoads(t, u, 15, 3, 3)
	for range 15 {
		u.Backends()[0].Leave()
	}
	wantLoads(t, u, 0, 3, 3)
}

func TestPickPassesOver(t *testing.T) {
	one := func(weight, most int) config.Backend { return config.Backend{Weight: weight, SessionsMax: most} }
	for _, c := range []struct {
		name     string
		backends []config.Backend
		loads    []int64
		tried    []int
		want     int // -1 = an error
		err      error
	}{
		{"nothing in the way", []config.Backend{one(1, 0), one(1, 0)}, []int64{0, 0}, nil, 0, nil},
		{"no weight", []config.Backend{one(0, 0), one(0, 0)}, []int64{0, 0}, nil, -1, ErrNoBackend},
		{"weight on one only", []config.Backend{one(0, 0), one(1, 0)}, []int64{0, 0}, nil, 1, nil},
		{"full", []config.Backend{one(1, 2), one(1, 2)}, []int64{2, 1}, nil, 1, nil},
		{"all full", []config.Backend{one(1, 2), one(1, 2)}, []int64{2, 2}, nil, -1, ErrFull},
		{"no limit is never full", []config.Backend{one(1, 0)}, []int64{1 << 40}, nil, 0, nil},
		{"tried", []config.Backend{one(1, 0), one(1, 0), one(1, 0)}, []int64{0, 0, 0}, []int{0, 1}, 2, nil},
		{"all tried", []config.Backend{one(1, 0), one(1, 0)}, []int64{0, 0}, []int{1, 0}, -1, ErrNoBackend},
		{"tried or full", []config.Backend{one(1, 0), one(1, 1)}, []int64{0, 1}, []int{0}, -1, ErrFull},
		{"tried and full", []config.Backend{one(1, 1), one(1, 0)}, []int64{1, 0}, []int{0}, 1, nil},
		{"tried though it has most turns", []config.Backend{one(9, 0), one(1, 0)}, []int64{0, 0}, []int{0}, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := pool(t, c.backends...)
			var tried []*Backend
			for _, i := range c.tried {
				tried = append(tried, u.Backends()[i])
			}
			for i, n := range c.loads {
				u.Backends()[i].load.Store(n)
			}
			b, err := u.Pick(tried)
			if !errors.Is(err, c.err) || (b == nil) != (c.want < 0) {
				t.Fatalf("picked %v, %v", b, err)
			}
			if b != nil {
				c.loads[c.want]++
			}
			wantLoads(t, u, c.loads...) // a pick that fails leaves no trace
		})
	}
}

// The turn of a full backend goes to the next in the schedule, not to the first.
func TestFullBackendsTurnsAreSpread(t *testing.T) {
	u := pool(t, config.Backend{Weight: 1, SessionsMax: 1}, config.Backend{Weight: 1}, config.Backend{Weight: 1})
	picks(t, u, 1+100)
	if a, b := u.Backends()[1].Load(), u.Backends()[2].Load(); a+b != 100 || a < 30 || b < 30 {
		t.Errorf("100 sessions beside a full backend went %d and %d", a, b)
	}
}

// However many loops pick at once, loads are exact and limits hold.
func TestPickConcurrently(t *testing.T) {
	const loops, each, most = 4, 500, 30
	u := pool(t, config.Backend{Weight: 3}, config.Backend{Weight: 1, SessionsMax: most}, config.Backend{Weight: 2})
	held := make([][]*Backend, loops)
	var all sync.WaitGroup
	for i := range loops {
		all.Go(func() {
			for n := range each {
				b, err := u.Pick(nil)
				if err != nil {
					t.Error(err)
					return
				}
				if b == u.Backends()[1] && b.Load() > most+loops { // others may just be finding it full
					t.Errorf("%d sessions on a backend for %d", b.Load(), most)
				}
				if n%3 == 0 {
					b.Leave()
				} else {
					held[i] = append(held[i], b)
				}
			}
		})
	}
	all.Wait()
	want := make([]int64, 3)
	for _, bs := range held {
		for _, b := range bs {
			want[u.index(b)]++
		}
	}
	wantLoads(t, u, want...)
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

package upstream

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
)

// fakeClock is a clock that a test moves.
type fakeClock struct{ now time.Time }

func (c *fakeClock) pass(d time.Duration) { c.now = c.now.Add(d) }

// pool is an upstream of a test, with a clock of its own.
type pool struct {
	*Upstream
	*fakeClock
}

// newPool makes an upstream with a backend for each weight: 10.0.0.1:80, 10.0.0.2:80, ….
func newPool(t testing.TB, c config.Upstream, weights ...int) pool {
	t.Helper()
	c.Name = "web"
	for i, w := range weights {
		c.Backends = append(c.Backends, config.Backend{Address: address(i), Weight: w})
	}
	return poolOf(t, c)
}

func poolOf(t testing.TB, c config.Upstream) pool {
	t.Helper()
	u, err := New(c, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	clock := &fakeClock{time.Unix(1e9, 0)}
	u.clock = func() time.Time { return clock.now }
	u.started = true
	return pool{u, clock}
}

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// eventually waits for what no event tells.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to pass that %s", what)
		}
	}
}

func address(i int) config.Address {
	ip := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).Next()
	return config.Address{TCP: netip.AddrPortFrom(ip, 80)}
}

func (p pool) at(i int) *Backend { return p.Backends()[i] }

// pick picks for a client; it must work.
func (p pool) pick(t testing.TB, client int, tried ...*Backend) *Backend {
	t.Helper()
	b, err := p.Pick(keyOf(client), tried)
	if err != nil {
		t.Fatalf("pick: %v", err)
	}
	return b
}

func keyOf(client int) Key { return Key{Client: address(client).TCP} }

// picks are the places of the next n backends, each left at once.
func (p pool) picks(t testing.TB, n int) (places string) {
	t.Helper()
	for i := range n {
		b := p.pick(t, i)
		places += fmt.Sprint(b.place)
		b.Leave()
	}
	return places
}

// counts is how often each backend is picked by n clients that leave at once.
func (p pool) counts(t testing.TB, n int) map[int]int {
	t.Helper()
	got := map[int]int{}
	for i := range n {
		b := p.pick(t, i)
		got[b.place]++
		b.Leave()
	}
	return got
}

func equal(n, weight int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = weight
	}
	return all
}

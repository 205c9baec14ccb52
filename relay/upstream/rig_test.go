package upstream

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/rs/zerolog"

	"relay/config"
)

// pool makes an upstream of backends named by their numbers: 127.0.0.1:1 and so on.
func pool(t *testing.T, backends ...config.Backend) *Upstream {
	t.Helper()
	for i := range backends {
		ip := netip.MustParseAddr("127.0.0.1")
		backends[i].Address.TCP = netip.AddrPortFrom(ip, uint16(i+1))
	}
	u, err := New(config.Upstream{Name: "test", Backends: backends}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// weighted is a pool of backends without limits.
func weighted(t *testing.T, weights ...int) *Upstream {
	t.Helper()
	backends := make([]config.Backend, len(weights))
	for i, w := range weights {
		backends[i].Weight = w
	}
	return pool(t, backends...)
}

// index is the number of a backend in its upstream.
func (u *Upstream) index(b *Backend) int {
	for i := range u.Backends() {
		if u.Backends()[i] == b {
			return i
		}
	}
	panic(fmt.Sprintf("%s is not a backend of %s", b.Name, u.Name))
}

// picks is the order in which n sessions go to the backends.
func picks(t *testing.T, u *Upstream, n int) []int {
	t.Helper()
	order := make([]int, n)
	for i := range order {
		b, err := u.Pick(nil)
		if err != nil {
			t.Fatalf("pick %d: %v", i, err)
		}
		order[i] = u.index(b)
	}
	return order
}

// wantLoads checks how many sessions each backend has.
func wantLoads(t *testing.T, u *Upstream, want ...int64) {
	t.Helper()
	for i, b := range u.Backends() {
		if int64(b.Load()) != want[i] {
			t.Errorf("backend %d has %d sessions, want %d", i, b.Load(), want[i])
		}
	}
}

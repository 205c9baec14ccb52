package upstream

import (
	"fmt"
	"testing"

	"relay/config"
)

// BenchmarkPick picks and leaves, the whole cost of a session's backend, with some
// sessions on every backend meanwhile.
func BenchmarkPick(b *testing.B) {
	for balance := config.RoundRobin; balance <= config.First; balance++ {
		for _, n := range []int{10, 1000} {
			b.Run(fmt.Sprintf("%v/%d", balance, n), func(b *testing.B) {
				weights := equal(n, 1)
				for i := range weights {
					weights[i] = 1 + i*37%256
				}
				p := newPool(b, config.Upstream{Balance: balance}, weights...)
				on := make([]*Backend, 0, 4*n)
				for i := range 4 * n {
					on = append(on, p.pick(b, i))
				}
				keys := make([]Key, 1024)
				for i := range keys {
					keys[i] = keyOf(i)
				}
				b.ResetTimer()
				for i := range b.N {
					at := i % len(on)
					on[at].Leave()
					on[at], _ = p.Pick(keys[i%len(keys)], nil)
				}
			})
		}
	}
}

// BenchmarkPickAtOnce is two loops at the same upstream.
func BenchmarkPickAtOnce(b *testing.B) {
	p := newPool(b, config.Upstream{Balance: config.LeastConnections}, equal(1000, 1)...)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if picked, err := p.Pick(Key{}, nil); err == nil {
				picked.Leave()
			}
		}
	})
}

// BenchmarkMembers is what a change of the configuration costs with 1000 backends.
func BenchmarkMembers(b *testing.B) {
	for _, balance := range []config.Balance{config.RoundRobin, config.SourceHash} {
		b.Run(balance.String(), func(b *testing.B) {
			p := newPool(b, config.Upstream{Balance: balance}, equal(1000, 256)...)
			for b.Loop() {
				if err := p.Update(*p.Config()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

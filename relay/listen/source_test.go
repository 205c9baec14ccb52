package listen

import (
	"net/netip"
	"testing"
	"time"
)

func (s *sources) size() int {
	n := 0
	for i := range s.shards {
		n += len(s.shards[i].seen)
	}
	return n
}

func from(text string) source { return sourceOf(netip.MustParseAddr(text)) }

func TestSourceOf(t *testing.T) {
	if from("192.0.2.1") == from("192.0.2.2") || from("192.0.2.1") != from("::ffff:192.0.2.1") {
		t.Error("IPv4 is an address")
	}
	if from("2001:db8:0:1::1") != from("2001:db8:0:1:ffff::2") || from("2001:db8:0:1::1") == from("2001:db8:0:2::1") {
		t.Error("IPv6 is a /64")
	}
	if from("255.255.255.255") == from("::") || from("0.0.0.0") == from("::1") {
		t.Error("families meet")
	}
}

func TestSessionsMaxPerSource(t *testing.T) {
	s := newSources(2, 0)
	a, b := from("192.0.2.1"), from("192.0.2.2")
	for i, want := range []bool{true, true, false} {
		if got := s.enter(a, 0); got != want {
			t.Errorf("session %d: %v", i+1, got)
		}
	}
	if !s.enter(b, 0) {
		t.Error("another source is refused")
	}
	s.leave(a, 0)
	if !s.enter(a, 0) || s.enter(a, 0) {
		t.Error("the place that was left is not given once")
	}
	for range 2 {
		s.leave(a, 0)
	}
	s.leave(b, 0)
	if s.size() != 0 {
		t.Errorf("%d sources remembered for nothing", s.size())
	}
}

func TestSessionRatePerSource(t *testing.T) {
	const second = int64(time.Second)
	s := newSources(0, 10)
	a := from("2001:db8::1")
	count := func(now int64) (n int) {
		for s.enter(a, now) {
			s.leave(a, now)
			n++
		}
		return n
	}
	for _, tc := range []struct {
		now  int64
		want int
	}{
		{0, 10},
		{second / 10, 1},
		{second / 2, 4},
		{100 * second, 10},
		{100*second + second/20, 0},
	} {
		if got := count(tc.now); got != tc.want {
			t.Errorf("at %v: %d sessions, want %d", time.Duration(tc.now), got, tc.want)
		}
	}
}

// TestFloodOfSources is a million sources within a second, while one has a session.
func TestFloodOfSources(t *testing.T) {
	s := newSources(1, 5)
	steady := from("192.0.2.1")
	s.enter(steady, 0)
	for i := range 1_000_000 {
		from := sourceOf(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
		now := int64(i) * 1000
		if !s.enter(from, now) {
			t.Fatalf("source %d is refused", i)
		}
		s.leave(from, now)
	}
	if n := s.size(); n > shards*shardMost+1 {
		t.Errorf("%d sources remembered, the bound is %d", n, shards*shardMost)
	}
	if s.enter(steady, 0) {
		t.Error("the flood washed a running session away")
	}
}

func BenchmarkSources(b *testing.B) {
	s := newSources(10, 1_000_000_000)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			from := source(i % 100_000)
			if s.enter(from, int64(i)) {
				s.leave(from, int64(i))
			}
		}
	})
}

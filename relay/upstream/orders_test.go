package upstream

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"relay/config"
)

func TestLeastConnectionsFollowsTheLoad(t *testing.T) {
	p := newPool(t, config.Upstream{Balance: config.LeastConnections}, 1, 1, 2)
	for i := range 40 {
		p.pick(t, i)
	}
	for i, want := range []int{10, 10, 20} {
		if got := p.at(i).Load(); got != want {
			t.Errorf("backend %d has %d of 40 sessions, want %d", i, got, want)
		}
	}
	for range 5 {
		p.at(1).Leave()
	}
	for i := range 5 {
		if b := p.pick(t, i); b.place != 1 {
			t.Errorf("backend %d was picked, and backend 1 has least", b.place)
		}
	}
}

func TestIdleBackendsTakeTurns(t *testing.T) {
	p := newPool(t, config.Upstream{Balance: config.LeastConnections}, 1, 1, 1)
	if got := p.picks(t, 9); got != "012012012" {
		t.Errorf("idle backends: %s", got)
	}
}

func TestFirstFillsOneAfterTheOther(t *testing.T) {
	c := config.Upstream{Balance: config.First, Backends: []config.Backend{
		{Address: address(0), Weight: 1, SessionsMax: 2},
		{Address: address(1), Weight: 1, SessionsMax: 1},
		{Address: address(2), Weight: 1},
	}}
	p := poolOf(t, c)
	got := ""
	for i := range 5 {
		got += string(rune('0' + p.pick(t, i).place))
	}
	if got != "00122" {
		t.Errorf("picks: %s, want 00122", got)
	}
	p.at(0).Leave()
	if b := p.pick(t, 0); b.place != 0 {
		t.Errorf("with room on the first, backend %d was picked", b.place)
	}
}

// Two choices: with as many sessions on each backend, on average, the fullest is hardly
// above the average; with one choice it would be some 40 above.
func TestTwoChoicesSpread(t *testing.T) {
	p := newPool(t, config.Upstream{Balance: config.Random}, equal(100, 1)...)
	const each = 200
	for i := range 100 * each {
		p.pick(t, i)
	}
	most := 0
	for _, b := range p.Backends() {
		most = max(most, b.Load())
	}
	if most > each+6 {
		t.Errorf("the fullest backend has %d sessions, the average %d", most, each)
	}
}

func TestTwoChoicesKeepToWeights(t *testing.T) {
	p := newPool(t, config.Upstream{Balance: config.Random}, 1, 2, 5, 0)
	for i := range 8000 {
		p.pick(t, i)
	}
	for i, want := range []int{1000, 2000, 5000, 0} {
		if got := p.at(i).Load(); math.Abs(float64(got-want)) > 5 {
			t.Errorf("backend %d has %d of 8000 sessions, want %d", i, got, want)
		}
	}
}

// The tree of shares agrees with a plain sum, whatever comes and goes.
func TestTreeOfShares(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	tree := newTwoChoices()
	in, out := []*Backend{}, []*Backend{}
	for range 50 {
		out = append(out, &Backend{})
	}
	for range 3000 {
		switch n := r.IntN(3); {
		case n == 0 && len(out) > 0:
			b := out[len(out)-1]
			b.share = 1 + r.IntN(1000)
			tree.add(b)
			in, out = append(in, b), out[:len(out)-1]
		case n == 1 && len(in) > 0:
			i := r.IntN(len(in))
			tree.remove(in[i])
			out = append(out, in[i])
			in = append(in[:i], in[i+1:]...)
		case len(in) > 0:
			b := in[r.IntN(len(in))]
			before := b.share
			b.share = 1 + r.IntN(1000)
			tree.weighed(b, before)
		}
		sum := 0
		for _, b := range tree.slots {
			if b == nil {
				continue
			}
			if tree.find(sum) != b || tree.find(sum+b.share-1) != b {
				t.Fatal("the tree finds another backend than the sum")
			}
			sum += b.share
		}
		if sum != tree.total {
			t.Fatalf("total %d, sum %d", tree.total, sum)
		}
	}
}

// Every order stays sound while loops pick and leave at the same time as backends go
// down, come back and are weighed anew; in the end nothing is left on any of them.
func TestOrdersUnderConcurrentLoad(t *testing.T) {
	for balance := config.RoundRobin; balance <= config.First; balance++ {
		t.Run(balance.String(), func(t *testing.T) {
			c := config.Upstream{Balance: balance, HealthCheck: &config.HealthCheck{Fall: 1, Rise: 1}, PanicThreshold: 30}
			for i := range 20 {
				c.Backends = append(c.Backends, config.Backend{Address: address(i), Weight: 1 + i, SessionsMax: 10})
			}
			p := poolOf(t, c)
			stop, all := make(chan struct{}), sync.WaitGroup{}
			for n := range 4 {
				all.Go(func() { p.load(uint64(n), 3000) })
			}
			shaken := sync.WaitGroup{}
			shaken.Go(func() { p.shake(stop) })
			all.Wait()
			close(stop)
			shaken.Wait()
			p.wantSound(t)
		})
	}
}

// load picks and leaves at random, as a loop would.
func (p pool) load(seed uint64, n int) {
	r := rand.New(rand.NewPCG(seed, 3))
	var on []*Backend
	for i := range n {
		if b, err := p.Pick(keyOf(i), nil); err == nil {
			on = append(on, b)
		}
		for len(on) > 0 && (r.IntN(2) == 0 || len(on) > 40) {
			on[len(on)-1].Leave()
			on = on[:len(on)-1]
		}
	}
	for _, b := range on {
		b.Leave()
	}
}

// shake takes backends down and up, drains and weighs them.
func (p pool) shake(stop chan struct{}) {
	r := rand.New(rand.NewPCG(9, 9))
	all := p.Backends()
	for {
		b := all[r.IntN(len(all))]
		select {
		case <-stop:
			return
		default:
		}
		switch r.IntN(4) {
		case 0:
			b.Checked("it is shaken")
		case 1:
			b.Checked("")
		case 2:
			p.SetDrained(b, r.IntN(2) == 0)
		case 3:
			p.mu.Lock()
			b.override = r.IntN(5)
			p.review(b)
			p.mu.Unlock()
		}
	}
}

// wantSound checks every count against the backends themselves.
func (p pool) wantSound(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, tier := range p.tiers {
		able, well, ready := 0, 0, 0
		for _, b := range tier.all {
			if b.load != 0 {
				t.Errorf("%s has %d sessions left", b.Name, b.load)
			}
			if b.able {
				able++
			}
			if b.well {
				well++
			}
			if b.ready {
				ready++
			}
			if want := b.able && (b.well || tier.panic); b.ready != want {
				t.Errorf("%s: ready %v, want %v", b.Name, b.ready, want)
			}
		}
		if able != tier.able || well != tier.well || ready != tier.ready || tier.load != 0 {
			t.Errorf("counts %d %d %d, the tier says %d %d %d with load %d", able, well, ready, tier.able, tier.well, tier.ready, tier.load)
		}
	}
}

package upstream

import (
	"math"
	"math/rand/v2"
	"testing"

	"relay/config"
)

func TestTurnsAreSmooth(t *testing.T) {
	for _, tc := range []struct {
		weights []int
		want    string
	}{
		{[]int{1, 1, 1}, "012012012"},
		{[]int{5, 1, 1}, "00010020001002"},
		{[]int{2, 1}, "001001"},
		{[]int{0, 3, 0, 1}, "11131113"},
		{[]int{4, 1, 1, 1, 1}, "0102030401020304"},
		{[]int{256, 256}, "01010101"},
	} {
		p := newPool(t, config.Upstream{}, tc.weights...)
		if got := p.picks(t, len(tc.want)); got != tc.want {
			t.Errorf("weights %v: %s, want %s", tc.weights, got, tc.want)
		}
	}
}

// Whatever the weights, no backend is ever far from its due, and every run as long as
// the sum of the weights is exact.
func TestTurnsKeepToTheirShares(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		weights := make([]int, 2+r.IntN(40))
		sum := 0
		for i := range weights {
			weights[i] = 1 + r.IntN(256)
			sum += weights[i]
		}
		p := newPool(t, config.Upstream{}, weights...)
		got := make([]int, len(weights))
		worst := 0.0
		last := make([]int, len(weights))
		for n := 1; n <= 3*sum; n++ {
			b := p.pick(t, 0)
			got[b.place]++
			if gap, even := n-last[b.place], float64(sum)/float64(weights[b.place]); float64(gap) > 2*even+1 {
				t.Fatalf("seed %d: backend %d waited %d turns, evenly spread it is %.1f", seed, b.place, gap, even)
			}
			last[b.place] = n
			due := float64(n) * float64(weights[b.place]) / float64(sum)
			worst = max(worst, math.Abs(float64(got[b.place])-due))
			if n%sum != 0 {
				continue
			}
			for i, w := range weights {
				if got[i] != n/sum*w {
					t.Fatalf("seed %d, after %d rounds: backend %d has %d, want %d", seed, n/sum, i, got[i], n/sum*w)
				}
			}
		}
		if worst >= 1 {
			t.Errorf("seed %d: a backend is %.3f sessions from its due, want below 1", seed, worst)
		}
	}
}

func TestABackendThatComesBackIsNotOwedAnything(t *testing.T) {
	p := newPool(t, config.Upstream{}, 1, 1, 1)
	p.SetDrained(p.at(2), true)
	p.picks(t, 1000)
	p.SetDrained(p.at(2), false)
	got := p.counts(t, 30)
	for i := range 3 {
		if got[i] < 9 || got[i] > 11 {
			t.Errorf("after its return: %v, want about 10 each", got)
		}
	}
}

func TestWeightsSetWhileRunning(t *testing.T) {
	p := newPool(t, config.Upstream{}, 1, 1)
	p.SetWeight(p.at(0), 3)
	if got := p.counts(t, 400); got[0] < 299 || got[0] > 301 {
		t.Errorf("weights 3 and 1: %v of 400", got)
	}
	p.SetWeight(p.at(0), 0)
	if got := p.counts(t, 10); got[0] != 0 {
		t.Errorf("weight 0: %v", got)
	}
	p.SetWeight(p.at(0), -1)
	if got := p.counts(t, 10); got[0] != 5 {
		t.Errorf("as configured again: %v", got)
	}
}

func TestTurnsCountAnew(t *testing.T) {
	p := newPool(t, config.Upstream{}, 1, 2)
	turns := p.tiers[0].order.(*turns)
	p.counts(t, 3*rebaseAt-1)
	if turns.now < rebaseAt-1 {
		t.Fatalf("after %d rounds it is %v", rebaseAt, turns.now)
	}
	if got := p.counts(t, 300); got[0] != 100 || turns.now > 200 {
		t.Errorf("over the rebase: %v, now %v", got, turns.now)
	}
}

package upstream

import (
	"math"
	"slices"
	"testing"
)

func TestSmooth(t *testing.T) {
	for _, c := range []struct {
		weights []int
		want    schedule
	}{
		{nil, nil},
		{[]int{0}, nil},
		{[]int{0, 0, 0}, nil},
		{[]int{7}, schedule{0}},
		{[]int{1, 1, 1}, schedule{0, 1, 2}},
		{[]int{100, 100, 100}, schedule{0, 1, 2}}, // divided by what they share
		{[]int{5, 1, 1}, schedule{0, 0, 1, 0, 2, 0, 0}},
		{[]int{10, 2, 2}, schedule{0, 0, 1, 0, 2, 0, 0}},
		{[]int{0, 1, 0, 2}, schedule{3, 1, 3}}, // none for a weight of 0
		{[]int{2, 1}, schedule{0, 1, 0}},
	} {
		if got := smooth(c.weights); !slices.Equal(got, c.want) {
			t.Errorf("weights %v: %v, want %v", c.weights, got, c.want)
		}
	}
}

// Over one schedule each backend is taken as often as its weight says, and no longer
// waits for its next turn than its share allows for.
func TestSmoothIsExactAndEven(t *testing.T) {
	for _, weights := range [][]int{
		{1},
		{3, 1},
		{256, 1},
		{256, 255},
		{5, 1, 1},
		{1, 2, 3, 4, 5},
		{7, 0, 3},
		{256, 128, 64, 32, 16, 8, 4, 2, 1},
		{251, 241, 239, 233},
		{1, 1, 1, 1, 1, 1, 1, 93},
	} {
		turns := smooth(weights)
		divisor, total := 0, 0
		for _, w := range weights {
			divisor = gcd(divisor, w)
			total += w
		}
		if len(turns) != total/divisor {
			t.Errorf("weights %v: %d turns, want %d", weights, len(turns), total/divisor)
		}
		for i, w := range weights {
			count, gap := countAndGap(turns, uint32(i))
			if count != w/divisor {
				t.Errorf("weights %v: backend %d has %d turns, want %d", weights, i, count, w/divisor)
			}
			if even := math.Ceil(float64(total) / float64(max(w, 1))); w > 0 && float64(gap) > 2*even {
				t.Errorf("weights %v: backend %d waits %d turns, evenly spread it would %v", weights, i, gap, even)
			}
		}
	}
}

// countAndGap is how often i stands in a schedule, and the longest way from one place to
// the next, over the end as well.
func countAndGap(turns schedule, i uint32) (count, gap int) {
	last := -1
	for at := range 2 * len(turns) {
		if turns[at%len(turns)] != i {
			continue
		}
		if at < len(turns) {
			count++
		}
		if last >= 0 {
			gap = max(gap, at-last)
		}
		last = at
	}
	return count, gap
}

func TestGCD(t *testing.T) {
	for _, c := range [][3]int{{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {12, 18, 6}, {7, 13, 1}, {256, 256, 256}} {
		if got := gcd(c[0], c[1]); got != c[2] {
			t.Errorf("gcd(%d, %d) is %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

package judge

import (
	"math"
	"testing"
)

func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{2: {3, 1, 2}, 2.5: {4, 1, 2, 3}} {
		if got := Median(values); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: %v", values, got)
		}
	}
	if got := Spread([]float64{3, 1, 2}, "%.0f"); got != "2 (1–3)" {
		t.Error(got)
	}
}

func TestWord(t *testing.T) {
	for ratio, want := range map[float64]string{0.3: "pass, aim reached", 0.35: "pass, aim reached", 0.45: "pass", 0.5: "pass", 0.51: "MISSED"} {
		if got := Word(ratio, 0.5, 0.35); got != want {
			t.Errorf("%v is %q, want %q", ratio, got, want)
		}
	}
	if got := Word(0.3, 0, 0); got != "" {
		t.Errorf("what nothing is asked of is judged: %q", got)
	}
}

func TestBound(t *testing.T) {
	if Bound(0) != "–" || Bound(0.5) != "≤ 0.5" {
		t.Error(Bound(0), Bound(0.5))
	}
}

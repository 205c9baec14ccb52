package main

import (
	"testing"
)

func rounds(values ...float64) (all []sample) {
	for i, v := range values {
		all = append(all, sample{i + 1, v})
	}
	return all
}

func TestSpread(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   spread
	}{
		{"none", nil, spread{}},
		{"one", []float64{3}, spread{3, 3, 3, 1}},
		{"odd", []float64{9, 1, 5}, spread{5, 1, 9, 3}},
		{"even", []float64{4, 1, 2, 10}, spread{3, 1, 10, 4}},
	}
	for _, test := range tests {
		if got := spreadOf(rounds(test.values...)); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestRatiosPairRoundsAndLeaveOutWhatIsMissing(t *testing.T) {
	ours := []sample{{1, 10}, {2, 30}, {4, 8}}
	theirs := []sample{{4, 4}, {1, 20}, {3, 7}, {2, 0}}
	got := ratios(ours, theirs)
	if len(got) != 2 || got[0] != (sample{1, 0.5}) || got[1] != (sample{4, 2}) {
		t.Errorf("ratios are %v", got)
	}
}

func TestFigure(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.01234: "0.0123", 5.4321: "5.43", 91.27: "91.3", 148029.4: "148029", -2.5: "-2.50"} {
		if got := figure(v); got != want {
			t.Errorf("figure(%v) is %s, want %s", v, got, want)
		}
	}
}

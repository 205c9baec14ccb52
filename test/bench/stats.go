package main

import (
	"math"
	"slices"
	"strconv"

	"relay/test/bench/judge"
)

// spread is the median of some rounds and how far they lay apart.
type spread struct {
	mid, low, high float64
	rounds         int
}

// spreadOf returns the zero spread for no samples.
func spreadOf(samples []sample) spread {
	if len(samples) == 0 {
		return spread{}
	}
	var values []float64
	for _, s := range samples {
		values = append(values, s.value)
	}
	return spread{mid: judge.Median(values), low: slices.Min(values), high: slices.Max(values), rounds: len(values)}
}

// ratios divides ours by theirs round by round: what the machine did to one in a
// round it did to the other. A round that either has not is left out.
func ratios(ours, theirs []sample) (all []sample) {
	for _, a := range ours {
		for _, b := range theirs {
			if a.round == b.round && b.value != 0 {
				all = append(all, sample{a.round, a.value / b.value})
			}
		}
	}
	return all
}

// figure writes a number with three significant digits, and no exponent.
func figure(v float64) string {
	if v == 0 {
		return "0"
	}
	decimals := max(2-int(math.Floor(math.Log10(math.Abs(v)))), 0)
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// text is the median, and the spread where there is one.
func (s spread) text() string {
	switch s.rounds {
	case 0:
		return "–"
	case 1:
		return figure(s.mid)
	}
	return figure(s.mid) + " (" + figure(s.low) + "–" + figure(s.high) + ")"
}

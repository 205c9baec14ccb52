package judge

import (
	"fmt"
	"slices"
)

// Median is the middle of some values, of which there is at least one.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Spread is the median with the lowest and the highest, each in this format.
func Spread(values []float64, format string) string {
	return fmt.Sprintf(format+" ("+format+"–"+format+")", Median(values), slices.Min(values), slices.Max(values))
}

// Bound writes a limit that a ratio is to stay below; 0 is none.
func Bound(limit float64) string {
	if limit == 0 {
		return "–"
	}
	return fmt.Sprintf("≤ %g", limit)
}

// Word says whether a ratio stays below what it must, and what it should. Without a must it
// is only told, not judged.
func Word(ratio, must, aim float64) string {
	switch {
	case must == 0:
		return ""
	case ratio <= aim:
		return "pass, aim reached"
	case ratio <= must:
		return "pass"
	}
	return "MISSED"
}

//go:build !race

package harness

// raceTests is set when the tests themselves were built with -race.
const raceTests = false

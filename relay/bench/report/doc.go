// Package report says what a bench found: a table, JSON, CSV, a chart, and sentences
// that end in lines for relay.toml.
//
// Everything is made of a Document, which is what --json writes: medians with their
// spread, and ratios to the baseline that were formed within a round. The package
// measures nothing. Start with document.go.
package report

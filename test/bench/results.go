package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// record is what a run leaves behind, and all that tables and chart are made of.
type record struct {
	Command   []string
	Date      time.Time
	Machine   machine
	Private   bool // in a network namespace of its own
	Rounds    int
	WarmUp    time.Duration
	Window    time.Duration
	FileBytes int64
	Relays    []string // labels, in the order given
	Peers     []player
	Skipped   []string
	Results   []result
}

// player is a peer as the record knows it.
type player struct{ Name, Program, Version string }

// result is one measurement: its numbers, or why there are none.
type result struct {
	Round   int
	Work    string
	Peer    string
	Start   time.Time
	Numbers numbers `json:",omitempty"`
	Tries   int     `json:",omitempty"`
	Foreign float64 // share of the machine's CPUs that other processes took meanwhile
	Error   string  `json:",omitempty"`
}

// brief is the result in a few words, for the progress line.
func (r result) brief(g *group) string {
	if r.Error != "" {
		return "FAILED: " + r.Error
	}
	var words []string
	for _, m := range g.metrics {
		if v, found := r.Numbers[m.key]; found {
			words = append(words, figure(v)+" "+m.unit)
		}
	}
	return strings.Join(words, ", ")
}

// sample is one number of one round.
type sample struct {
	round int
	value float64
}

// samples is what one peer reached in one metric of one workload, round by round.
// Rounds that failed are missing; failures lists them.
func (r *record) samples(work, peer string, m metric) (all []sample) {
	for _, x := range r.Results {
		if x.Work != work || x.Peer != peer {
			continue
		}
		if v, found := x.Numbers[m.key]; found {
			all = append(all, sample{x.Round, v})
		}
	}
	return all
}

// failures is the measurements that have no numbers.
func (r *record) failures() (all []result) {
	for _, x := range r.Results {
		if x.Error != "" {
			all = append(all, x)
		}
	}
	return all
}

// failed counts a peer's failures in a workload.
func (r *record) failed(work, peer string) (n int) {
	for _, x := range r.failures() {
		if x.Work == work && x.Peer == peer {
			n++
		}
	}
	return n
}

func (r *record) save(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(path, append(text, '\n'))
}

func loadRecord(path string) (*record, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func writeFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

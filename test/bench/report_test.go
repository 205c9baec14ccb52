package main

import (
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// twoRounds is a record in which relay's CPU per GB is half of HAProxy's in the first
// round and equal in the second, and one measurement has failed.
func twoRounds() *record {
	cpu := func(round int, peer string, v float64) result {
		return result{Round: round, Work: "bulk-1", Peer: peer, Numbers: numbers{cpuPerGB.key: v, gigabytesRate.key: 5}}
	}
	return &record{
		Date: time.Now(), Rounds: 2, Window: time.Second, FileBytes: 1, Relays: []string{"relay"},
		Peers: []player{{Name: "none"}, {Name: "relay", Program: "relay"}, {"haproxy-splice", "haproxy", "2 < 3 & \"x\""}, {Name: "nginx"}},
		Results: []result{
			cpu(1, "relay", 50), cpu(1, "haproxy-splice", 100), cpu(1, "nginx", 500),
			cpu(2, "relay", 90), cpu(2, "haproxy-splice", 90), cpu(2, "nginx", 900),
			{Round: 1, Work: "idle", Peer: "relay", Numbers: numbers{sessionMemory.key: 700}},
			{Round: 1, Work: "bulk-8", Peer: "relay", Error: "a stream ended early"},
		},
	}
}

func TestTargets(t *testing.T) {
	want := map[string]string{
		"bulk-1 haproxy-splice CPU ms/GB": "pass, aim reached", // median of 0.5 and 1
		"bulk-1 nginx CPU ms/GB":          "pass, aim reached", // exactly 0.1 both times
		"bulk-1 haproxy-splice GB/s":      "pass",
		"bulk-1 – GB/s":                   "no rival measured",
		"idle – bytes/session":            "pass",
		"bulk-8 – CPU ms/GB":              "MISSED: 1 measurement failed",
		"bulk-8 – GB/s":                   "MISSED: 1 measurement failed",
	}
	got := make(map[string]string)
	for _, v := range judgeAll(twoRounds(), "relay") {
		got[v.work+" "+v.rival+" "+v.metric.unit] = v.word
	}
	for key, word := range want {
		if got[key] != word {
			t.Errorf("%s: %q, want %q", key, got[key], word)
		}
	}
	if len(got) != len(want) {
		t.Errorf("judged %v", got)
	}
}

func TestEveryTargetNamesAWorkload(t *testing.T) {
	known := make(map[string]*group)
	for _, w := range allWork(1) {
		known[w.name] = w.group
	}
	for _, target := range allTargets() {
		g := known[target.work]
		if g == nil {
			t.Errorf("%s: no workload is called %s", target.text, target.work)
			continue
		}
		shown := false
		for _, m := range g.metrics {
			shown = shown || m == target.metric
		}
		if !shown {
			t.Errorf("%s: %s has no metric %s", target.text, target.work, target.metric.key)
		}
	}
}

func TestReportNamesFailures(t *testing.T) {
	var out strings.Builder
	if err := printReport(&out, twoRounds()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 FAILURE", "round 1, bulk-8, relay: a stream ended early", "0.750 (0.500–1.00)", "700 "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}

func TestRecordSurvivesItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deeper", "x.json")
	if err := twoRounds().save(path); err != nil {
		t.Fatal(err)
	}
	r, err := loadRecord(path)
	if err != nil {
		t.Fatal(err)
	}
	var before, after strings.Builder
	printReport(&before, twoRounds())
	printReport(&after, r)
	if before.String() != after.String() {
		t.Errorf("the report was\n%s\nand is\n%s", before.String(), after.String())
	}
}

func TestChartIsWellFormed(t *testing.T) {
	chart := drawChart(twoRounds())
	decoder := xml.NewDecoder(strings.NewReader(chart))
	bars := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, chart)
		}
		if start, is := token.(xml.StartElement); is && start.Name.Local == "title" {
			bars++
		}
	}
	if want := 1 + 3 + 3 + 1; bars != want { // the page; CPU and rate of three peers; memory of one
		t.Errorf("%d titles, want %d", bars, want)
	}
	if strings.Contains(chart, "NaN") || strings.Contains(chart, "Inf") {
		t.Error("the chart has a coordinate that is no number")
	}
}

func TestNiceScale(t *testing.T) {
	for _, highest := range []float64{0.0001, 0.99, 1, 1.01, 5.9, 10, 99, 148029, 999999} {
		s := niceScale(highest)
		if lines := s.end / s.step; s.end < highest || s.end > 2*highest || lines < 2 || lines > 6.01 {
			t.Errorf("%v: up to %v by %v", highest, s.end, s.step)
		}
	}
}

func TestCompact(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.153: "0.15", 0.999: "1.0", 5.94: "5.9", 9.96: "10", 846: "846", 3376: "3.4k", 9961: "10k", 148029: "148k"} {
		if got := compact(v); got != want {
			t.Errorf("compact(%v) is %s, want %s", v, got, want)
		}
	}
}

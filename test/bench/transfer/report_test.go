package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func sample(round int, way string, wall float64) figures {
	return figures{Round: round, Work: large, Way: way, Wall: wall}
}

// Ratios are formed within a round, and a promise is judged by their median.
func TestRatios(t *testing.T) {
	r := &record{Runs: []figures{
		sample(0, relaySend, 1), sample(0, rsyncWhole, 2), sample(1, relaySend, 3), sample(1, rsyncWhole, 5), sample(2, relaySend, 9),
		{Round: 2, Work: largeSynced, Way: rsyncWhole, Wall: 1},
	}}
	p := promise{"wall time", large, relaySend, rsyncWhole, wall, 0.7, 0.4}
	got := r.ratios(p)
	if len(got) != 2 || got[0] != 0.5 || got[1] != 0.6 {
		t.Fatalf("%v", got)
	}
	var out strings.Builder
	if err := report(&out, r); err != nil || !strings.Contains(out.String(), "| relay send ÷ rsync -W | 0.55 (0.50–0.60) | ≤ 0.7 | ≤ 0.4 | pass |") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// Every promise is about ways that are planned.
func TestPromisesCanBeMeasured(t *testing.T) {
	var skipped []string
	all := map[string]*server{}
	for _, name := range serverNames {
		all[name] = &server{}
	}
	known := map[string]bool{}
	p := plan{servers: all}
	p.toRelay(largeSynced, smallSynced, relaySynced, " ", "")
	p.toOthers(largeSynced, smallSynced, true)
	p.toRelay(large, small, relayUnsynced, " ", "")
	p.toOthers(large, small, false)
	p.hops(hops, "")
	p.hops(slowHops, "")
	p.hostHops()
	p.smallHops(smallHops, "", "", "")
	p.smallHops(smallUnsyncedHops, "", "", "")
	for _, w := range p.all {
		known[w.work+w.name] = true
	}
	for _, p := range promises() {
		if !known[p.work+p.ours] || !known[p.work+p.theirs] {
			t.Errorf("%+v", p)
		}
	}
	if len(ways("", all, &skipped)) > len(p.all) {
		t.Error("a way is planned that this test does not know")
	}
}

// Records that are read together count as further rounds.
func TestRecordsAddUp(t *testing.T) {
	var paths []string
	for i := range 2 {
		r := &record{
			Size: 7, Runs: []figures{sample(0, relaySend, 1), sample(1, relaySend, 2)}, Date: time.Unix(int64(i), 0),
			Machine: []string{"one", "another"}[i], Version: "1", Skipped: []string{"scp", "rsync"}[:i+1],
		}
		path := filepath.Join(t.TempDir(), "r.json")
		if err := r.write(path); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	all, err := loadAll(paths)
	if err != nil || all.rounds() != 4 || len(all.Runs) != 4 {
		t.Errorf("%+v, %v", all, err)
	}
	if all.Machine != "one; another" || all.Version != "1" || !slices.Equal(all.Skipped, []string{"scp", "rsync"}) {
		t.Errorf("%+v", all)
	}
	other := filepath.Join(t.TempDir(), "other.json")
	if err := (&record{Size: 8}).write(other); err != nil {
		t.Fatal(err)
	}
	if _, err := loadAll(append(paths, other)); err == nil {
		t.Error("files of two sizes are one record")
	}
}

package test

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// benchSpread and benchDocument are what is read of `relay bench --json`.
type benchSpread struct{ Median, Low, High float64 }

type benchDocument struct {
	Rounds  int `json:"rounds"`
	Results []struct {
		Path, Method  string
		Bytes         int64
		Chunk         int
		Streams       int
		Rounds        int
		Wall          benchSpread  `json:"wall_ms"`
		CPU           benchSpread  `json:"cpu_ms_per_gb"`
		User          float64      `json:"user_ms_per_gb"`
		System        float64      `json:"system_ms_per_gb"`
		Calls         benchSpread  `json:"syscalls_per_gb"`
		Faults        benchSpread  `json:"page_faults_per_gb"`
		CPUToBaseline *benchSpread `json:"cpu_to_baseline"`
	}
	Failures []struct{ Method, Error string }
	Says     []string `json:"sentences"`
	Lines    string   `json:"relay_toml"`
}

func TestBenchMeasuresEveryMethod(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "costs.svg")
	out := harness.Run(t, "bench", "--json", "--sizes", "2MB", "--chunks", "64KiB,1MiB", "--streams", "1,2", "--rounds", "2", "--svg", svg)
	if out.Code != 0 {
		t.Fatalf("exit %d\n%s", out.Code, out.Stderr)
	}
	var d benchDocument
	if err := json.Unmarshal([]byte(out.Stdout), &d); err != nil {
		t.Fatalf("%v\n%s", err, out.Stdout)
	}
	methods := map[string]bool{}
	for _, r := range d.Results {
		methods[r.Method] = true
		gb := float64(r.Bytes) / 1e9
		switch {
		case r.Rounds != 2 || r.Wall.Median <= 0 || r.CPU.Median <= 0:
			t.Errorf("nothing measured: %+v", r)
		case r.Wall.Low > r.Wall.Median || r.Wall.Median > r.Wall.High:
			t.Errorf("no spread: %+v", r)
		case r.User < 0 || r.System < 0 || r.User+r.System < r.CPU.Median*0.99:
			t.Errorf("user and system are not the whole: %+v", r)
		case r.Calls.Low*gb < 2:
			t.Errorf("fewer than two calls: %+v", r)
		case !strings.Contains(r.Method, "read+write-64KiB") && r.CPUToBaseline == nil:
			t.Errorf("held against nothing: %+v", r)
		}
	}
	for _, want := range []string{"send/mmap", "send/sendfile", "send/splice", "relay/splice", "receive/copy", "receive/read+write-1MiB"} {
		if !methods[want] {
			t.Errorf("%s is missing", want)
		}
	}
	if len(methods) != 14 || len(d.Says) == 0 || !strings.Contains(d.Lines, "transfer = ") {
		t.Errorf("%d methods, sentences %q, lines %q", len(methods), d.Says, d.Lines)
	}
	drawn, err := os.ReadFile(svg)
	if err != nil || xml.Unmarshal(drawn, new(struct{})) != nil {
		t.Errorf("the chart: %v, %d bytes", err, len(drawn))
	}
}

func TestBenchTableAndCSV(t *testing.T) {
	args := []string{"bench", "--only", "send/sendfile,send/splice", "--sizes", "1MB", "--chunks", "1MiB", "--streams", "1", "--rounds", "1"}
	table := harness.Run(t, args...)
	if table.Code != 0 || !strings.Contains(table.Stdout, "file → socket, by size") || !strings.Contains(table.Stdout, "sendfile") {
		t.Errorf("exit %d\n%s%s", table.Code, table.Stdout, table.Stderr)
	}
	csv := harness.Run(t, append(args, "--csv")...)
	if lines := strings.Count(csv.Stdout, "\n"); csv.Code != 0 || lines != 3 || !strings.HasPrefix(csv.Stdout, "path,method,bytes") {
		t.Errorf("exit %d, %d lines\n%s", csv.Code, lines, csv.Stdout)
	}
}

func TestBenchSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--sizes", "7 bananas"}, 2, "bananas"},
		{[]string{"--only", "teleport"}, 2, "send/splice"},
		{[]string{"--streams", "0"}, 2, "streams"},
		{[]string{"--json", "--csv"}, 2, "json"},
		{[]string{"--dir", "/nowhere/at/all"}, 1, "/nowhere"},
		{[]string{"--to", "127.0.0.1:1", "--sizes", "1MB", "--only", "send/splice", "--rounds", "1"}, 1, "refused"},
	} {
		out := harness.Run(t, append([]string{"bench"}, c.args...)...)
		if out.Code != c.code || !strings.Contains(out.Stderr, c.says) {
			t.Errorf("%v: exit %d, want %d and %q:\n%s", c.args, out.Code, c.code, c.says, out.Stderr)
		}
	}
}

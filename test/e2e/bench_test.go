//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"relay/test/harness"
)

func need(t *testing.T, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install %s", program, pkg)
	}
	return path
}

// The chart is rendered by a browser that knows nothing of us: it must show bars in the
// colours of the methods, and dark text, on white.
func TestBenchChartInABrowser(t *testing.T) {
	chromium := need(t, "chromium", "chromium")
	dir := t.TempDir()
	svg, picture := filepath.Join(dir, "costs.svg"), filepath.Join(dir, "costs.png")
	if out := harness.Run(t, "bench", "--sizes", "7MB", "--chunks", "1MiB", "--streams", "1", "--rounds", "2", "--svg", svg); out.Code != 0 {
		t.Fatalf("exit %d\n%s", out.Code, out.Stderr)
	}
	shot := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--window-size=1010,700", "--screenshot="+picture, "file://"+svg)
	if out, err := shot.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := os.Open(picture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[color.RGBA]int{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			seen[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}]++
		}
	}
	for name, c := range map[string]color.RGBA{
		"white paper": {255, 255, 255, 255}, "splice": {0x1a, 0x4f, 0xa8, 255}, "sendfile": {0x3f, 0x83, 0xe0, 255},
		"mmap": {0x8a, 0xb4, 0xf0, 255}, "read+write": {0x9a, 0xa4, 0xae, 255}, "text": {0x1f, 0x23, 0x28, 255},
	} {
		if seen[c] < 50 {
			t.Errorf("%d pixels of %s", seen[c], name)
		}
	}
}

// The calls that bench counts are those that strace sees on the worker's thread between
// the two readings of the clock. close, futex and signals are not the data path's.
func TestBenchCountsTheCallsThatStraceSees(t *testing.T) {
	strace := need(t, "strace", "strace")
	// A measurement during which the Go scheduler moves work between threads has lines of
	// another's in the trace; on a busy machine that happens.
	const tries = 3
	for range tries {
		counted, saw := countedAndSeen(t, strace)
		t.Logf("%d counted, %d seen", counted, saw)
		if saw > 0 && counted >= saw-2 && counted <= saw+2 {
			return
		}
	}
	t.Errorf("bench and strace disagreed %d times", tries)
}

// countedAndSeen are the calls of one measurement, as bench says and as strace saw.
func countedAndSeen(t *testing.T, strace string) (counted, saw int) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(strace, "-ff", "-o", filepath.Join(dir, "t"), harness.Binary(), "bench", "--json",
		"--only", "send/splice", "--sizes", "63MB", "--chunks", "1MiB", "--streams", "1", "--rounds", "1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var d struct {
		Results []struct {
			Calls struct{ Median float64 } `json:"syscalls_per_gb"`
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &d); err != nil || len(d.Results) != 1 {
		t.Fatal(err, d)
	}
	return int(d.Results[0].Calls.Median*0.063 + 0.5), straced(t, dir)
}

var ofTheRuntime = regexp.MustCompile(`^(futex|rt_sig|clock_gettime|getrusage|mmap|munmap|madvise|nanosleep|getpid|tgkill|sched_yield|---)`)

// straced is how many calls the thread that splices makes in the last measurement: its
// last but one reading of the monotonic clock begins it, the last ends it.
func straced(t *testing.T, dir string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "t.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Count(text, []byte("\nsplice(")) < 50 {
			continue
		}
		parts := strings.Split(string(text), "getrusage(RUSAGE_SELF")
		calls := 0
		for line := range strings.Lines(parts[len(parts)-2]) {
			if !ofTheRuntime.MatchString(line) && !strings.HasPrefix(line, ",") {
				calls++
			}
		}
		return calls
	}
	return 0
}

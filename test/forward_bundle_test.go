package test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/relay/drop/bundle"
	"relay/test/harness"
)

// Small files that are forwarded, many in one request.

// plantMany plants small files in several directories, and two that go by themselves.
func plantMany(t testing.TB, dir string, files int) {
	t.Helper()
	for i := range files {
		plantFile(t, filepath.Join(dir, fmt.Sprintf("d%d/f%04d", i%7, i)), bytesOf(uint64(i), i%5000), 0o640, time.Unix(int64(i), 0))
	}
	plantFile(t, filepath.Join(dir, "large"), bytesOf(1, 3<<20), 0o600, time.Unix(1, 0))
	plantFile(t, filepath.Join(dir, strings.Repeat("deep/", bundle.DepthMost)+"file"), []byte("deep"), 0o644, time.Unix(2, 0))
}

// Files whose answers were lost with those of their bundles are there once.
func TestForwardLosesAnswersToBundles(t *testing.T) {
	t.Parallel()
	to := startDrop(t, conflicting("keep_both"))
	b := newBreaker(t, to.Address(t, "files"), 3)
	f := forwarding{dir: harness.Directory(t), to: []string{"http://" + b.Address + "/"}}
	const files = 900
	plantMany(t, f.dir, files)
	harness.Start(t, f.config(t))
	eventuallySame(t, to.dir, f.dir)
	if left := b.left.Load(); left >= 0 {
		t.Errorf("%d answers were still to be lost", left)
	}
	came := map[any]int{}
	to.Line(t, "the last arrived", func(l harness.Line) bool {
		if l.Message == "arrived" {
			came[l.Field("file")]++
		}
		return len(came) == files+2
	})
	for name, n := range came {
		if n != 1 {
			t.Errorf("%s arrived %d times", name, n)
		}
	}
}

// A → B → A ends at A also for files that came in bundles.
func TestForwardLoopOfBundles(t *testing.T) {
	t.Parallel()
	const files = 300
	ra, b := startLoop(t, func(dir string) { plantMany(t, dir, files) })
	looped := func() (n int) {
		for _, l := range ra.Journal.Lines() {
			if strings.Contains(l.Message, "a loop of forwards") {
				n++
			}
		}
		return n
	}
	harness.Eventually(t, "all loops are noticed", func() (bool, any) { n := looped(); return n == files+2, n })
	if got := snapshotFiles(b.dir); len(got) != files+2 {
		t.Errorf("B has %d files", len(got))
	}
}

// One file that is refused holds up none that is in a bundle with it, and goes when it may.
func TestForwardRefusedInABundle(t *testing.T) {
	t.Parallel()
	to := startDrop(t, conflicting("fail"))
	plantFile(t, filepath.Join(to.dir, "d3/f0003"), []byte("in the way"), 0o644, time.Unix(9, 0))
	f := forwarding{dir: harness.Directory(t), after: "delete", to: []string{"http://" + to.Address(t, "files") + "/"}}
	const files = 200
	plantMany(t, f.dir, files)
	r := harness.Start(t, f.config(t))
	harness.Eventually(t, "the others are sent", func() (bool, any) {
		left := snapshotFiles(f.dir)
		return len(left) == 1 && left["d3/f0003"] != "", len(left)
	})
	r.Line(t, "why", func(l harness.Line) bool {
		return l.Field("file") == "d3/f0003" && strings.Contains(fmt.Sprint(l.Field("error")), "409")
	})
	if err := os.Remove(filepath.Join(to.dir, "d3/f0003")); err != nil {
		t.Fatal(err)
	}
	eventuallyEmpty(t, f.dir)
}

// A server that says it takes bundles, and does not, gets the files one by one.
func TestForwardToWhoRefusesBundles(t *testing.T) {
	t.Parallel()
	s := startBundleServer(t, func(_ *bundleServer, w http.ResponseWriter, _ []byte) {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		_, _ = io.WriteString(w, "no bundles here")
	})
	f := forwarding{dir: harness.Directory(t), after: "delete", to: []string{s.address}}
	const files = 300
	for i := range files {
		plantFile(t, filepath.Join(f.dir, fmt.Sprint(i)), fmt.Append(nil, i), 0o644, time.Unix(7, 0))
	}
	r := harness.Start(t, f.config(t))
	eventuallyEmpty(t, f.dir)
	r.Line(t, "why", func(l harness.Line) bool {
		return l.Level == "warn" && strings.Contains(l.Message, "several files") && strings.Contains(fmt.Sprint(l.Field("error")), "no bundles here")
	})
	plantFile(t, filepath.Join(f.dir, "a later"), nil, 0o644, time.Unix(7, 0)) // with the couriers of a new wave
	plantFile(t, filepath.Join(f.dir, "a later one"), nil, 0o644, time.Unix(7, 0))
	eventuallyEmpty(t, f.dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.puts != files+2 || len(s.got) != files+2 || s.bundles == 0 || s.bundles > 4 {
		t.Errorf("%d files in %d requests, after %d bundles", len(s.got), s.puts, s.bundles)
	}
}

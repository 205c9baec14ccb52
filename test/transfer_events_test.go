package test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
)

// sizes runs get or send and returns what its events say of sizes: "event path" → size, -1
// if it says nothing. Of what there are several the last counts.
func sizes(t *testing.T, stdin string, args ...string) map[string]int64 {
	t.Helper()
	c := exec.Command(harness.Binary(), append([]string{args[0], "--json"}, args[1:]...)...)
	c.Stdin = strings.NewReader(stdin)
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	found := map[string]int64{}
	for line := range strings.Lines(string(out)) {
		var e struct {
			Event, Path string
			Size        *int64
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err, line)
		}
		if e.Path == "" {
			continue // progress
		}
		what := e.Event + " " + filepath.Base(e.Path)
		if found[what] = -1; e.Size != nil {
			found[what] = *e.Size
		}
	}
	return found
}

// Events tell the sizes of files, also of empty ones and of streams that are over, and none
// of what has none.
func TestEventsHaveSizes(t *testing.T) {
	t.Parallel()
	r := startDrop(t, writable)
	url := "http://" + r.Address(t, "files") + "/"
	from, to := filepath.Join(t.TempDir(), "dir"), filepath.Join(t.TempDir(), "to")
	at := time.Unix(7, 0)
	plantFile(t, filepath.Join(from, "empty"), nil, 0o644, at)
	plantFile(t, filepath.Join(from, "small"), bytesOf(1, 10), 0o644, at)
	plantFile(t, filepath.Join(from, "large"), bytesOf(2, 3_000_000), 0o644, at)
	each := func(event string) map[string]int64 {
		return map[string]int64{event + " empty": 0, event + " small": 10, event + " large": 3_000_000}
	}
	want := func(what string, got map[string]int64, all ...map[string]int64) {
		t.Helper()
		for _, some := range all {
			for event, size := range some {
				if is, ok := got[event]; !ok || is != size {
					t.Errorf("%s: %s has the size %d (%v), want %d", what, event, is, ok, size)
				}
			}
		}
	}
	directory := map[string]int64{"directory dir": -1}
	state := stateFlag(t)
	want("sent", sizes(t, "", "send", "-r", state, from, url), each("start"), each("done"), directory)
	want("sent again", sizes(t, "", "send", "-r", state, from, url), each("skip"), directory)
	want("fetched", sizes(t, "", "get", url+"dir", to), each("start"), each("done"), directory)
	want("fetched again", sizes(t, "", "get", url+"dir", to), each("skip"))
	want("a stream", sizes(t, "content", "send", "-", url+"stream"), map[string]int64{"start -": -1, "done -": 7})
}

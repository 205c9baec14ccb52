package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
)

// expireUploads has the time of all uploads beneath a directory be over, as if the clock
// had jumped while nobody served it.
func expireUploads(t testing.TB, dir string) {
	t.Helper()
	notes, _ := filepath.Glob(filepath.Join(dir, ".relay-uploads", "*.told")) // of files that were taken away
	for _, path := range notes {
		if err := os.Chtimes(path, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	eachState(t, dir, func(state map[string]any) { state["Expires"] = time.Unix(0, 0) })
}

// eachState changes the states of the uploads beneath a directory.
func eachState(t testing.TB, dir string, change func(state map[string]any)) {
	t.Helper()
	states, _ := filepath.Glob(filepath.Join(dir, ".relay-uploads", "*"))
	for _, path := range states {
		if strings.Contains(filepath.Base(path), ".") { // a note, or one half written
			continue
		}
		var state map[string]any
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &state)
		}
		if err == nil {
			change(state)
			text, err = json.Marshal(state)
		}
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The clock of a machine is set while the program is down: uploads go on as long as they
// may, and none is kept for longer than upload_expiry.
func TestClockJumpAndUploads(t *testing.T) {
	t.Parallel()
	body := bytesOf(1, 3<<20)
	for _, c := range []struct {
		leap  time.Duration // of the clock
		there bool
	}{{-365 * 24 * time.Hour, true}, {-24 * time.Hour, true}, {23 * time.Hour, true}, {25 * time.Hour, false}} {
		r := startUploads(t, nil)
		place := r.begin(t, "/d/a", len(body))
		r.append(t, place, 0, body[:1<<20], "?0").want(t, 204, []byte{})
		r.Stop(t)
		dir := r.dir
		eachState(t, dir, func(state map[string]any) {
			expires, err := time.Parse(time.RFC3339Nano, state["Expires"].(string))
			if err != nil {
				t.Fatal(err)
			}
			state["Expires"] = expires.Add(-c.leap)
		})
		r = startUploads(t, func(_ *harness.Config, d harness.Table) { d["directory"] = dir }).in(dir)
		if !c.there {
			r.Message(t, "uploads expired")
			r.wantTree(t, nil)
			continue
		}
		if at, complete := r.offset(t, place); at != 1<<20 || complete != "?0" {
			t.Errorf("leap of %v: at %d, complete %s", c.leap, at, complete)
		}
		harness.Eventually(t, "it is not kept for longer than uploads are", func() (bool, any) {
			h := r.client(t)
			defer h.Close()
			h.say(t, ask("HEAD", place, interop))
			limit := h.hear(t, "HEAD").Header.Get("Upload-Limit")
			seconds, err := strconv.Atoi(strings.TrimPrefix(limit, "max-age="))
			return err == nil && 0 < seconds && seconds <= 24*3600, limit
		})
		r.append(t, place, 1<<20, body[1<<20:], "?1").want(t, 201, []byte{})
		r.fetch(t, "/d/a").want(t, 200, body)
	}
}

// Files whose times are far off, before or after now, are forwarded once and not again,
// also when the program is started anew; and they are waited for until they are complete.
func TestClockJumpAndForwards(t *testing.T) {
	t.Parallel()
	to := startDrop(t, conflicting("keep_both"))
	f := forwarding{
		dir: harness.Directory(t), to: []string{"http://" + to.Address(t, "files") + "/"},
		edit: func(d harness.Table, _ []harness.Table) { d["rescan"] = "200ms" },
	}
	now := time.Now()
	for i, leap := range []time.Duration{-365 * 24 * time.Hour, -24 * time.Hour, 24 * time.Hour, 365 * 24 * time.Hour} {
		plantFile(t, filepath.Join(f.dir, fmt.Sprint(i)), bytesOf(uint64(i), 1000+i), 0o644, now.Add(leap))
	}
	for range 3 {
		r := harness.Start(t, f.config(t))
		r.Message(t, "forwarding")
		eventuallySame(t, to.dir, f.dir)
		fresh := fmt.Sprintf("seen %d", r.PID) // what is found after it shows that all was looked at
		plantFile(t, filepath.Join(f.dir, fresh), []byte("x"), 0o644, now.Add(24*time.Hour))
		to.Line(t, fresh, func(l harness.Line) bool { return l.Message == "arrived" && l.Field("file") == fresh })
		r.Stop(t)
	}
	eventuallySame(t, to.dir, f.dir)
}

// A file that is written part by part, and has a time to come in between, is not taken
// before it is still.
func TestClockJumpAndSettling(t *testing.T) {
	t.Parallel()
	to := startDrop(t, writable)
	f := forwarding{
		dir: harness.Directory(t), to: []string{"http://" + to.Address(t, "files") + "/"},
		edit: func(d harness.Table, _ []harness.Table) { d["settle"] = "5s" },
	}
	harness.Start(t, f.config(t)).Message(t, "forwarding")
	path := filepath.Join(f.dir, "a")
	for range 10 {
		out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err == nil {
			_, err = out.WriteString("a part, ")
			out.Close()
		}
		if err == nil {
			at := time.Now().Add(24 * time.Hour)
			err = os.Chtimes(path, at, at)
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // the next part comes later, and sooner than it settles
	}
	eventuallySame(t, to.dir, f.dir)
	to.Message(t, "arrived")
	if n := arrivals(to.Relay, "a"); n != 1 {
		t.Errorf("it arrived %d times", n)
	}
}

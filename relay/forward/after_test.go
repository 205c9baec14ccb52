package forward

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/config"
)

// A file that fails is given up when give_up_after has passed since it was to be sent,
// however often relay was started meanwhile. Of one that goes at once nothing is noted.
func TestGivingUpOutlivesRestarts(t *testing.T) {
	to := receive(t)
	f := start(t, to, func(c *config.Forward) { c.After = config.AfterKeep })
	url := f.config.Forwards[0].To
	f.plant(t, "good", "good")
	to.wantNext(t, "good")
	f.until(t, "good is sent", func() bool { return f.files["good"] == nil })
	if r, ok := f.book.tried(url, "good"); ok {
		t.Errorf("what went at once has %+v", r)
	}

	to.refuse.Store(true)
	f.plant(t, "bad", "bad")
	var since time.Time
	f.until(t, "the first try has failed", func() bool {
		one := f.files["bad"]
		if one == nil || !one.queued || one.legs[0].tries == 0 {
			return false
		}
		since = one.legs[0].since
		return one.legs[0].noted
	})
	f = f.again(t)
	f.until(t, "it is tried again, since when it was", func() bool {
		one := f.files["bad"]
		return one != nil && one.queued && one.legs[0].tries > 0 && one.legs[0].since.Equal(since)
	})
	f.Stop()

	b := bookOf(t, f.config.Directory)
	r, ok := b.tried(url, "bad")
	if !ok {
		t.Fatal("nothing is noted of a file that failed")
	}
	if err := b.try(url, "bad", r.Version, r.At.Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	b.close()
	f = f.again(t)
	f.until(t, "it is given up", func() bool {
		r, ok := f.book.get(url, "bad")
		return ok && r.failed()
	})
	if r, ok := f.book.tried(url, "bad"); ok {
		t.Errorf("what was given up still has %+v", r)
	}
}

// What is said of a file that could not be put away is what is so.
func TestWordOfFilesPutAway(t *testing.T) {
	f := start(t, receive(t), nil)
	f.Stop()
	if err := os.WriteFile(filepath.Join(f.config.Directory, "there"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := lookAt(f.config.Directory, "there")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"there": "it stays where it is", "gone": "was put away, but"} {
		f.log.Reset()
		f.complain(&file{path: name, look: l}, errors.New("input/output error"))
		if got := f.log.String(); !strings.Contains(got, want) || !strings.Contains(got, "input/output error") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

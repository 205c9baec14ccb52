package transfer

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"relay/relay/drop/bundle"
)

func newTestLane(o Options) *putLane {
	l := &putLane{under: Place{"host:80", "/in/"}}
	l.run, l.wire, l.rate = NewRun(o), &wire{}, o.Rate
	return l
}

// small adds a file with this content to the next bundle.
func (l *putLane) small(name string, content []byte) {
	p := &post{to: l.under.join(name), size: int64(len(content))}
	l.pack(p, &source{}, content)
	l.expect(p, p.size)
}

// Bundles hold more while they are quick, and less when they are slow, and with a limit of the
// rate never more than is soon sent.
func TestRoomOfABundle(t *testing.T) {
	for _, c := range []struct {
		rate int64
		took []time.Duration
		want int
	}{
		{0, nil, firstBundle},
		{0, []time.Duration{0, 0}, 4 * firstBundle},
		{0, []time.Duration{0, 0, 0, 0, 0, 0, 0, 0}, bundle.BytesMost},
		{0, []time.Duration{2 * time.Second}, firstBundle},
		{0, []time.Duration{time.Minute, time.Minute}, firstBundle / 4},
		{80_000, []time.Duration{0, 0}, 10_000},
		{1 << 40, []time.Duration{0, 0, 0, 0, 0, 0}, bundle.BytesMost},
		{1, []time.Duration{time.Hour}, 1},
	} {
		l := newTestLane(Options{Rate: c.rate})
		l.resize(firstBundle)
		for _, d := range c.took {
			l.heard = time.Time{}
			l.measure(time.Now().Add(-d))
		}
		if l.room != c.want {
			t.Errorf("at %d bytes a second, after %v: room for %d bytes, want %d", c.rate, c.took, l.room, c.want)
		}
	}
}

// A bundle is closed when it is full, and a file that alone is too large for it is one.
func TestBundlesAreClosed(t *testing.T) {
	l := newTestLane(Options{})
	for range bundle.FilesMost + 1 {
		l.small("a", nil)
	}
	l.resize(1)
	l.small("b", make([]byte, 10_000))
	l.small("c", nil)
	l.closeBundle()
	l.closeBundle() // which is empty
	var files []int
	for i := 0; i < len(l.window); i += max(l.window[i].files, 1) {
		files = append(files, l.window[i].files)
	}
	if len(files) != 4 || files[0] != bundle.FilesMost || files[1] != 1 || files[2] != 1 || files[3] != 1 {
		t.Errorf("the bundles hold %v", files)
	}
}

// When a write has failed in its middle, nothing is written behind it: it would be taken for
// the rest.
func TestNothingFollowsABrokenWrite(t *testing.T) {
	l := newTestLane(Options{})
	l.small("a", []byte("a"))
	l.broke = errors.New("broken")
	l.append([]byte("b"))
	l.closeBundle()
	if len(l.wire.out) != 0 {
		t.Errorf("%q would be written", l.wire.out)
	}
}

func TestWhoTakesBundles(t *testing.T) {
	for field, want := range map[string]bool{
		"": false, "text/plain": false, bundle.Type: true, "text/plain, " + bundle.Type: true, bundle.Type + "x": false,
	} {
		var b bundles
		b.learn(&http.Response{Header: http.Header{"Accept-Post": {field}}})
		if b.taken.Load() != want {
			t.Errorf("%q: %v", field, !want)
		}
	}
}

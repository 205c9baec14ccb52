package forward

import (
	"context"
	"testing"

	"github.com/rs/zerolog"

	"relay/config"
	"relay/relay/drop"
	"relay/relay/transfer"
)

// What was dropped before it was complete is remembered as long as it may still come, and
// until somebody wants it back.
func TestDroppedIsForgottenWithTheFile(t *testing.T) {
	f := New(config.Drop{Directory: t.TempDir()}, zerolog.Nop())
	there, gone, coming := transfer.Version{Ino: 1, Born: 5}, transfer.Version{Ino: 2, Born: 5}, transfer.Version{Ino: 3, Born: 5}
	f.files["there"] = &file{path: "there", look: look{version: there}}
	f.dropped[makingOf(there)] = &dropped{path: "there"}
	f.dropped[makingOf(gone)] = &dropped{path: "gone"}
	f.dropped[makingOf(coming)] = &dropped{path: "coming", coming: &drop.Arriving{}}
	want := func(when string, isThere, isGone, isComing bool) {
		t.Helper()
		if f.isDropped(there) != isThere || f.isDropped(gone) != isGone || f.isDropped(coming) != isComing {
			t.Errorf("%s: %v, %v, %v", when, f.isDropped(there), f.isDropped(gone), f.isDropped(coming))
		}
	}
	f.pruneDropped()
	want("at the first look", true, true, true)
	f.pruneDropped()
	want("at the second", true, false, true)
	there.Size, there.Mtime = 9, 9
	want("written to", true, false, true)
	if n := f.pick("there"); n != 1 {
		t.Errorf("%d are wanted back", n)
	}
	want("wanted back", false, false, true)
	if n := f.pick(""); n != 1 {
		t.Errorf("%d are wanted back", n)
	}
	want("all wanted back", false, false, false)
}

// A file that was dropped while it was carried stays dropped, if the end of the program ends
// that.
func TestDroppedWhileCarried(t *testing.T) {
	const to = "http://a/"
	f := New(config.Drop{Directory: t.TempDir(), Forwards: []config.Forward{{To: to, After: config.AfterKeep}}}, zerolog.Nop())
	f.book = bookOf(t, f.config.Directory)
	defer f.book.close()
	f.leaving = true
	for name, last := range map[string]bool{"dropped": true, "other": false} {
		f.files[name] = &file{path: name, queued: true, reports: 1, legs: []leg{{state: carried, last: last}}}
		f.routes[0].busy++
		f.report(back{files: []result{{parcel: parcel{path: name}, err: context.Canceled}}})
		if rec, ok := f.book.get(to, name); ok != last || ok && rec.Error != byHand {
			t.Errorf("%s: %+v, %v", name, rec, ok)
		}
	}
}

package forward

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rs/zerolog"

	"relay/config"
	"relay/relay/drop/store"
	"relay/relay/transfer"
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
	if err := b.try(url, entry{"bad", record{Version: r.Version, At: r.At.Add(-2 * time.Hour)}}); err != nil {
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

// What was sent, and is there again after a loss of power because nobody had made durable that
// it was put away, is put away again, and not sent.
func TestWhatComesBackIsPutAway(t *testing.T) {
	for after, place := range map[config.After]string{config.AfterDelete: "", config.AfterArchive: archiveDirectory} {
		to := receive(t)
		f := start(t, to, func(c *config.Forward) { c.After = after })
		f.Stop()
		f.plant(t, "back", "content")
		l, err := lookAt(f.config.Directory, "back")
		if err != nil {
			t.Fatal(err)
		}
		b, err := openBook(f.config.Directory)
		if err != nil {
			t.Fatal(err)
		}
		err = b.put(f.config.Forwards[0].To, entry{"back", record{Version: l.version, Sent: true, At: time.Now()}})
		if b.close(); err != nil {
			t.Fatal(err)
		}
		again := f.again(t)
		again.wantGone(t, "back")
		if place != "" {
			again.wantFile(t, place+"/back", "content")
		}
		select {
		case content := <-to.came:
			t.Errorf("%q was sent again", content)
		default:
		}
	}
}

// A marker that was left when a process was killed after it had put the file away goes; one whose
// file nobody has seen yet stays.
func TestMarkersThatWereLeft(t *testing.T) {
	to := receive(t)
	c := config.Drop{
		Service: config.Service{Name: "out"}, Directory: t.TempDir(), Watch: config.Watch{Rescan: time.Hour, DoneMarker: ".done"},
		Forwards: []config.Forward{{To: to.URL + "/", Parallel: 1, Retry: time.Second, After: config.AfterDelete, Digest: config.DigestNone}},
	}
	b, err := openBook(c.Directory)
	if err != nil {
		t.Fatal(err)
	}
	err = b.put(c.Forwards[0].To, entry{"sent", record{Version: transfer.Version{Ino: 1}, Sent: true, At: time.Now()}})
	if b.close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sent.done", "new.done"} {
		if err := os.WriteFile(filepath.Join(c.Directory, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := startWith(t, c)
	f.until(t, "the marker is gone", func() bool {
		_, err := os.Lstat(filepath.Join(c.Directory, "sent.done"))
		return os.IsNotExist(err)
	})
	f.wantFile(t, "new.done", "")
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	f.Stop()
	const looks = 50
	before := open()
	for range looks {
		f.removeMarker("new")
	}
	if after := open(); after >= before+looks {
		t.Errorf("%d descriptors are open after %d looks, %d before", after, looks, before)
	}
}

// What the book would not know again is put away durably.
func TestWhatMayNotComeBack(t *testing.T) {
	born := transfer.Version{Ino: 1, Born: 1}
	for _, c := range []struct {
		why, marker string
		version     transfer.Version
		want        bool
	}{
		{"", "", born, false},
		{"refused", "", born, true},
		{"", ".done", born, true},
		{"", "", transfer.Version{Ino: 1}, true},
	} {
		f := New(config.Drop{Watch: config.Watch{DoneMarker: c.marker}}, zerolog.Nop())
		if got := f.durably(&file{look: look{version: c.version}}, c.why); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// A file that somebody writes to anew while it waits to be sent is not sent before it is
// complete again.
func TestWrittenAnewWhileItWaits(t *testing.T) {
	to := receive(t)
	to.refuse.Store(true)
	f := start(t, to, nil)
	f.plant(t, "x", "complete")
	f.until(t, "the first try has failed", func() bool {
		one := f.files["x"]
		return one != nil && one.queued && one.legs[0].tries > 0
	})
	x, err := os.Create(filepath.Join(f.config.Directory, "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if _, err = x.WriteString("the first half, "); err != nil {
		t.Fatal(err)
	}
	to.refuse.Store(false)
	f.until(t, "it is not taken for complete", func() bool { return f.files["x"] != nil && !f.files["x"].queued })
	if _, err = x.WriteString("the second"); err != nil {
		t.Fatal(err)
	}
	x.Close()
	to.wantNext(t, "the first half, the second")
	f.wantGone(t, "x")
}

// A newer file that takes the place of one that was sent, or given up, is neither archived
// nor buried in its stead: it stays, and is sent.
func TestNewerFilesAreNotPutAway(t *testing.T) {
	for _, why := range []string{"", "refused"} {
		t.Run("failed: "+why, func(t *testing.T) {
			to := receive(t)
			f := start(t, to, func(c *config.Forward) { c.After = config.AfterArchive })
			f.Stop()
			f.plant(t, "name", "first")
			l, err := lookAt(f.config.Directory, "name")
			if err != nil {
				t.Fatal(err)
			}
			published := replaceAfterNextLook(t, f.config.Directory, "name", "second")
			err = f.dispose(&file{path: "name", look: l}, why)
			if e := <-published; e != nil {
				t.Fatal(e)
			}
			statx = unix.Statx
			place := map[string]string{"": archiveDirectory, "refused": failedDirectory}[why]
			f.wantFile(t, "name", "second")
			if err == nil {
				f.wantFile(t, place+"/name", "first")
			} else if _, there := os.Lstat(filepath.Join(f.config.Directory, place, "name.reason")); there == nil {
				t.Errorf("the reason of a file that was not put away: %v", err)
			}
			f.again(t)
			to.wantNext(t, "second")
		})
	}
}

// replaceAfterNextLook has somebody publish another file under a name of a drop as soon as
// it was looked at. Who looks waits for him for a while: as long as it takes, unless the
// name is locked.
func replaceAfterNextLook(t *testing.T, root, name, content string) (published chan error) {
	published = make(chan error, 1)
	once := sync.OnceFunc(func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			published <- publish(root, name, content)
		}()
		select {
		case <-done:
		case <-time.After(100 * time.Millisecond):
		}
	})
	statx = func(dir int, path string, flags, mask int, x *unix.Statx_t) error {
		err := unix.Statx(dir, path, flags, mask, x)
		once()
		return err
	}
	t.Cleanup(func() { statx = unix.Statx })
	return published
}

// publish puts a file as a drop does.
func publish(root, name, content string) error {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	p, err := store.New(dir, false).Begin(name, int64(len(content)))
	if err != nil {
		return err
	}
	if _, err := unix.Write(p.FD, []byte(content)); err != nil {
		return err
	}
	_, err = p.Publish(store.Terms{})
	return err
}

func (s *started) wantFile(t *testing.T, name, content string) {
	t.Helper()
	if got, err := os.ReadFile(filepath.Join(s.config.Directory, name)); string(got) != content {
		t.Errorf("%s has %q, %v; want %q", name, got, err, content)
	}
}

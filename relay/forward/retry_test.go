package forward

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
)

// A retry by hand does not wait until a receiver that was not there is asked again, and
// until then the queue says when that is.
func TestRetryDoesNotWaitForTheReceiver(t *testing.T) {
	f := New(config.Drop{Directory: t.TempDir(), Forwards: []config.Forward{{To: "http://a/"}, {To: "http://b/"}}}, zerolog.Nop())
	f.book = bookOf(t, f.config.Directory)
	defer f.book.close()
	later := time.Now().Add(time.Hour)
	f.files["x"] = &file{path: "x", queued: true, legs: []leg{{state: waiting}, {state: sent}}}
	for _, r := range f.routes {
		r.until = later
	}
	owner := make(chan struct{})
	go func() {
		defer close(owner)
		for range 3 {
			(<-f.orders)()
		}
	}()
	queue, err := f.Queue()
	if err != nil || len(queue) != 1 || !queue[0].Next.Equal(later) {
		t.Errorf("the queue is %+v, %v; x is to be tried at %s", queue, err, later)
	}
	if n, err := f.Retry("x"); n != 1 || err != nil {
		t.Errorf("%d files, %v", n, err)
	}
	if queue, err = f.Queue(); err != nil || len(queue) != 1 || !queue[0].Next.IsZero() {
		t.Errorf("the queue is %+v, %v; x is to be tried at once", queue, err)
	}
	<-owner
	if !f.routes[0].until.IsZero() || !f.routes[1].until.Equal(later) {
		t.Errorf("the routes wait until %s and %s", f.routes[0].until, f.routes[1].until)
	}
}

// A file that was given up on one route while another still carries it is tried again on
// the one, and the other's courier is not forgotten.
func TestRetryBesideAnotherRoute(t *testing.T) {
	s := start(t, receive(t), func(c *config.Forward) { c.After = config.AfterKeep })
	s.Stop()
	s.plant(t, "x", "content")
	c := s.config
	c.Forwards = append(c.Forwards, config.Forward{To: "http://b/"})
	f := New(c, zerolog.Nop())
	f.book = bookOf(t, c.Directory)
	defer f.book.close()
	l, err := lookAt(c.Directory, "x")
	if err == nil {
		err = f.book.put(c.Forwards[0].To, entry{"x", record{Version: l.version, Error: "refused", At: time.Now()}})
	}
	if err != nil {
		t.Fatal(err)
	}
	one := &file{path: "x", look: l, queued: true, reports: 1, legs: []leg{{state: failed, turn: 3}, {state: carried}}}
	f.files["x"] = one
	go func() { (<-f.orders)() }()
	if n, err := f.Retry("x"); n != 1 || err != nil {
		t.Errorf("%d files, %v", n, err)
	}
	if f.files["x"] != one || one.reports != 1 || one.legs[1].state != carried {
		t.Errorf("the other courier's file is %+v", f.files["x"])
	}
	if a := one.legs[0]; a.state != waiting || a.turn != 3 || len(f.routes[0].line) != 1 || f.routes[0].line[0] != one {
		t.Errorf("it is %+v, and %d are in the line", a, len(f.routes[0].line))
	}
	if rec, ok := f.book.get(c.Forwards[0].To, "x"); ok {
		t.Errorf("the book has %+v", rec)
	}
}

// failing starts a forwarder whose only file, x, is given up, and then has its receiver
// take files again.
func failing(t *testing.T, to *receiver, w config.Watch) *started {
	t.Helper()
	w.Rescan = time.Hour
	f := startWith(t, config.Drop{
		Service: config.Service{Name: "out"}, Directory: t.TempDir(), Watch: w,
		Forwards: []config.Forward{{
			To: to.URL + "/in/", Parallel: 1, Retry: time.Second, GiveUpAfter: 1, After: config.AfterDelete, Digest: config.DigestNone,
		}},
	})
	to.refuse.Store(true)
	if w.DoneMarker != "" {
		f.write(t, "x"+w.DoneMarker, "")
	}
	f.plant(t, "x", "content")
	f.wantGone(t, "x")
	f.wantFile(t, failedDirectory+"/x", "content")
	to.refuse.Store(false)
	return f
}

func (s *started) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.config.Directory, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *started) wantRetried(t *testing.T, path string, want int) {
	t.Helper()
	if n, err := s.Retry(path); n != want || err != nil {
		t.Errorf("%d files are tried again, want %d; %v", n, want, err)
	}
}

// A file that was given up has lost its marker, and gets it back.
func TestRetryOfMarkedFiles(t *testing.T) {
	to := receive(t)
	f := failing(t, to, config.Watch{DoneMarker: ".done"})
	f.wantRetried(t, "x", 1)
	to.wantNext(t, "content")
	for _, name := range []string{"x", "x.done", failedDirectory + "/x.reason"} {
		f.wantGone(t, name)
	}
}

// A newer file in the place of one that was given up is not taken for it: it goes when it is
// complete, and the other stays where it is.
func TestRetryLeavesNewerFiles(t *testing.T) {
	to := receive(t)
	f := failing(t, to, config.Watch{Settle: time.Hour})
	f.write(t, "x", "the beginning of another")
	f.until(t, "it is seen", func() bool { return f.files["x"] != nil })
	f.wantRetried(t, "x", 0)
	f.until(t, "it settles", func() bool { return f.files["x"] != nil && !f.files["x"].queued })
	f.wantFile(t, failedDirectory+"/x", "content")
	if err := os.Remove(filepath.Join(f.config.Directory, "x")); err != nil {
		t.Fatal(err)
	}
	f.wantRetried(t, "x", 1)
	to.wantNext(t, "content")
	f.wantGone(t, "x")
}

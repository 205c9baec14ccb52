package forward

import (
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

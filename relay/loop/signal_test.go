package loop

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Signals interrupt epoll_wait. Each interruption must shorten the wait by what has
// passed, or a timer never fires while they keep coming.
func TestSignalsDoNotDelayTimers(t *testing.T) {
	const wait, every, patience = 300 * time.Millisecond, 5 * time.Millisecond, time.Second
	l := newLoop(t)
	thread := make(chan int, 1)
	l.Post(func() { thread <- unix.Gettid() })
	fired := make(chan time.Duration, 1)
	begin := Clock()
	var timer Timer
	l.SetTimer(&timer, expirer(func(now int64) { fired <- time.Duration(now - begin) }), begin+int64(wait))
	ended := make(chan error, 1)
	go func() { ended <- l.Run() }()

	tid := <-thread
	pester := time.NewTicker(every)
	defer pester.Stop()
	late := time.After(patience)
	for over := false; !over; {
		select {
		case <-pester.C:
			unix.Tgkill(unix.Getpid(), tid, unix.SIGURG) // the runtime's own; nobody minds it
		case <-fired:
			over = true
		case <-late:
			t.Errorf("a timer of %v has not fired after %v of signals every %v", wait, patience, every)
			over = true
		}
	}
	l.Stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

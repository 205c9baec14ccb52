package loop

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// batch is how many events one wait fetches. More delays timers and posted work under
// load; fewer makes more calls. nginx uses 512, HAProxy 200.
const batch = 256

// Loop is one event loop. What it has is for its own thread, but for Load, Post, Stop
// and Turns.
type Loop struct {
	// Load is the number of sessions on the loop and on their way to it. Whoever gives
	// it a session adds one, and the session's owner takes it away.
	Load atomic.Int64

	epoll  int
	wake   int // eventfd; written by Post
	now    int64
	ends   table
	again  []Token // ends waiting for a turn, the first in front
	yield  bool    // before the next wait
	timers heap
	events [batch]unix.EpollEvent

	mu      sync.Mutex
	posted  []func()
	running []func()
	closed  bool        // under mu: the descriptors are gone, and their numbers may be others' now
	waking  atomic.Bool // a wake-up is under way
	stopped bool        // by its own thread
	turns   atomic.Uint64
	watch   watch
	id      uint64 // the last one given out
	calls   uint64 // system calls made so far; its own thread's
}

// New makes a loop; Run turns it.
func New() (*Loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	l := &Loop{epoll: epoll, wake: wake, now: Clock(), id: firstID()}
	ev := unix.EpollEvent{Events: unix.EPOLLIN}
	setToken(&ev, wakeToken)
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &ev); err != nil {
		l.close()
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	return l, nil
}

// Run turns the loop on the calling goroutine, which it locks to its thread, until
// Stop. What is still registered is the owners' to close before that.
func (l *Loop) Run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer l.close()
	l.now = Clock()
	for !l.stopped {
		n, err := l.wait()
		if err != nil {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		l.begin(n)
		l.turns.Add(1)
		l.dispatch(l.events[:n])
		l.resume()
		l.expire()
		l.runPosted()
		l.ends.free()
	}
	return nil
}

// Stop ends Run after the round it is in. It may be called from anywhere.
func (l *Loop) Stop() { l.Post(func() { l.stopped = true }) }

// Now is the time of this round, in nanoseconds of CLOCK_MONOTONIC. It is read once a
// round.
func (l *Loop) Now() int64 { return l.now }

// Turns is the number of rounds so far; one that stands still while the loop has work
// shows a stall. It may be called from anywhere.
func (l *Loop) Turns() uint64 { return l.turns.Load() }

// Calls is the number of system calls that the loop has made for itself: waits, changes
// of interest, and two for each time that Post woke it. `relay bench` reports them.
func (l *Loop) Calls() uint64 { return l.calls }

// Post runs f on the loop's thread, soon. It may be called from anywhere and never
// blocks. What is posted after the loop stopped is not run.
func (l *Loop) Post(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.posted = append(l.posted, f)
	if !l.waking.Swap(true) {
		one := [8]byte{1}
		unix.Write(l.wake, one[:]) // EAGAIN: the counter is full, so the loop is awake
	}
}

// Again gives the end a turn after the events of this round, or of a later one when many
// wait: its owner sees the event Resume. Long turns and unfinished ones are put off in
// this way, so that short ones come first. An end is to wait in the queue once only.
func (l *Loop) Again(t Token) { l.again = append(l.again, t) }

// Yield lets whoever else waits for this CPU run before the loop waits next: for an owner
// that has just moved so much that its peers, if they share the CPU with us, had better
// fill and empty their sockets now. A round then moves what would otherwise take two, with
// a sleep in between.
func (l *Loop) Yield() { l.yield = true }

func (l *Loop) wait() (int, error) {
	n, err := l.epollWait(l.timeout())
	if err == unix.EINTR {
		return 0, nil // a round without events: the timers must not wait all over again
	}
	return n, err
}

// epollWait tells the scheduler that this thread may block, unless it will not.
func (l *Loop) epollWait(timeout int) (int, error) {
	l.calls++
	if timeout == 0 {
		return sock.EpollPoll(l.epoll, l.events[:])
	}
	if l.yield {
		l.yield = false
		l.calls++
		sock.Yield()
	}
	return unix.EpollWait(l.epoll, l.events[:], timeout)
}

// timeout is how many milliseconds the next wait may take: none with work at hand, no
// end without a timer. It rounds up, or the loop would turn idly through the last
// millisecond.
func (l *Loop) timeout() int {
	if len(l.again) > 0 {
		return 0
	}
	now := Clock()
	l.done(now)
	at, ok := l.timers.next()
	if !ok {
		return -1
	}
	ms := (at - now + int64(time.Millisecond) - 1) / int64(time.Millisecond)
	return int(min(max(ms, 0), 1<<30))
}

func (l *Loop) dispatch(events []unix.EpollEvent) {
	for i := range events {
		ev := &events[i]
		t := token(ev)
		if t == wakeToken {
			l.drainWake()
			continue
		}
		l.deliver(t, Events(ev.Events))
	}
}

// deliver drops an event whose end was closed since it was fetched.
func (l *Loop) deliver(t Token, ev Events) {
	if s := l.ends.at(t); s != nil {
		s.owner.Ready(s.tag, ev)
	}
}

// resumeFor bounds the time a round spends on turns that were put off: it is how long a
// keystroke may wait behind bulk. The clock is read once for each such turn, which moves
// far more than the reading costs.
const resumeFor = int64(time.Millisecond)

// resume gives ends that asked for it their turn, first come first served, until the
// time is up: the others stay in the queue and events are looked at first. What asks
// again meanwhile stands at the end.
func (l *Loop) resume() {
	n := len(l.again)
	if n == 0 {
		return
	}
	done := 0
	for done < n {
		l.deliver(l.again[done], Resume)
		done++
		if Clock()-l.now > resumeFor {
			break
		}
	}
	l.watch.round.Turns = done
	l.again = append(l.again[:0], l.again[done:]...)
}

func (l *Loop) drainWake() {
	var count [8]byte
	unix.Read(l.wake, count[:])
	l.calls += 2 // and the write by whoever posted
}

func (l *Loop) runPosted() {
	if !l.waking.Load() {
		return
	}
	l.waking.Store(false) // before taking the list: a later Post wakes us again
	l.mu.Lock()
	l.posted, l.running = l.running[:0], l.posted
	l.mu.Unlock()
	l.watch.round.Posts = len(l.running)
	for i, f := range l.running {
		f()
		l.running[i] = nil
	}
}

func (l *Loop) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	unix.Close(l.wake)
	unix.Close(l.epoll)
}

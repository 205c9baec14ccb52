package drop

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"relay/relay/drop/bundle"
	"relay/relay/drop/store"
	"relay/relay/sock"
)

// Arriving is a large file on its way into a drop, for who wants to read it before it is
// whole (package forward). Whether it will ever be published nobody knows: what is read of
// it is to be shown to nobody before. The loop that receives the file says how much there
// is; readers wait on goroutines of their own.
type Arriving struct {
	Path string // that it is to have
	Size int64
	Via  string // the ids of the drops that it came through
	Ino  uint64 // of the file; it keeps it
	Born int64  // when the file was made, see sock.Born
	// Computed are the digests that will be known of it, by their names in Repr-Digest.
	Computed []string

	have    atomic.Int64
	waiting atomic.Int32 // readers: without one nobody needs to be woken

	mu      sync.Mutex
	file    int           // descriptor of our own; -1 = there is none now
	changed chan struct{} // closed when something has
	over    bool
	done    store.Published // with a path if it was published
}

// arrivingFrom is the size, in bytes, from which files are told of before they are whole.
// A smaller one has arrived before anything could be made of that.
const arrivingFrom = 8 << 20

var errNotOpen = errors.New("it is not arriving any more")

// announce tells of a file that begins to arrive; on a worker. nil says that nobody is
// interested.
func (d *Drop) announce(path string, size, have int64, via string, file int, t *trail) *Arriving {
	if d.Begun == nil || size < arrivingFrom {
		return nil
	}
	var st unix.Stat_t
	own, err := unix.FcntlInt(uintptr(file), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil || unix.Fstat(own, &st) != nil {
		return nil // it is told of when it is there, like any other
	}
	a := &Arriving{Path: path, Size: size, Via: via, Ino: st.Ino, Born: sock.Born(own), file: own, changed: make(chan struct{}), Computed: t.names()}
	a.have.Store(have)
	d.Begun(a)
	return a
}

// announceOngoing tells of an upload that several requests may bring, once, when one
// brings content.
func (d *Drop) announceOngoing(o *ongoing) {
	if o.arriving == nil && o.part != nil && o.offset < o.state.Length {
		o.arriving = d.announce(string(o.state.Path), o.state.Length, o.offset, o.state.Header.Get(bundle.Via), o.part.FD, o.trail)
	}
}

// Open opens the file for reading, at a position of its own.
func (a *Arriving) Open() (*os.File, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file < 0 {
		return nil, errNotOpen
	}
	return os.Open("/proc/self/fd/" + strconv.Itoa(a.file))
}

// Wait waits until there are more than so many bytes, or there will be no more. It says
// how many there are.
func (a *Arriving) Wait(ctx context.Context, than int64) (have int64, over bool, err error) {
	a.waiting.Add(1) // before the look: who brings more looks here after that
	defer a.waiting.Add(-1)
	for {
		a.mu.Lock()
		changed, over := a.changed, a.over
		a.mu.Unlock()
		if have = a.have.Load(); have > than || over {
			return have, over, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return have, false, ctx.Err()
		}
	}
}

// Published says as what the file was published; false is not yet, or never.
func (a *Arriving) Published() (store.Published, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.done, a.over && a.done.Path != ""
}

// Digests are those that were found when it was published, in the form of Repr-Digest.
func (a *Arriving) Digests() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.done.Digests
}

// reach says how much is there. It is called for each piece that a worker has stored, of
// several megabytes if the client is fast, and costs no lock unless somebody waits.
func (a *Arriving) reach(n int64) {
	if a == nil {
		return
	}
	a.have.Store(n)
	if a.waiting.Load() == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.over {
		close(a.changed)
		a.changed = make(chan struct{})
	}
}

// rest closes our descriptor of the file, which may go on arriving with a later request.
// Readers have their own.
func (a *Arriving) rest() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.close()
}

func (a *Arriving) close() {
	if a.file >= 0 {
		sock.Close(a.file)
		a.file = -1
	}
}

// end says what became of the file; without a path it is gone. The first word counts.
func (a *Arriving) end(done store.Published) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return
	}
	a.close()
	a.over, a.done = true, done
	close(a.changed)
}

// arrivingFile is who has to be told of an upload's bytes, if anybody.
func (up *upload) arrivingFile() *Arriving {
	if up.o != nil {
		return up.o.arriving
	}
	return up.arriving
}

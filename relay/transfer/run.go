package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Options are the rules of a Run.
type Options struct {
	Token       string
	Parallel    int           // connections; at least 1
	Rate        int64         // most bytes a second, all together; 0 = no limit
	Digest      Digest        // how content is verified
	Durable     bool          // a file is done when it would outlive a loss of power
	GiveUpAfter time.Duration // without a byte of progress
	Force       bool          // move also what seems to be there already
	FollowLinks bool          // send what symbolic links in a tree point at
	StateDir    string        // where uploads under way are noted; "" = they end with the process
	Tell        func(Event)   // called by several goroutines; nil = nobody is told
}

// Run is one order, under way or over. Its methods may be called once.
type Run struct {
	Options
	Progress

	bundles  bundles
	pace     *pace
	patience *patience
	mu       sync.Mutex
	errs     []error        // of single files
	more     int            // errors beyond those kept
	denials  map[denial]int // which of them are of files that were refused for the same reason
	alike    map[int]int    // and how many more there were
}

// NewRun prepares a run.
func NewRun(o Options) *Run {
	o.Parallel = max(o.Parallel, 1)
	if o.Tell == nil {
		o.Tell = func(Event) {}
	}
	return &Run{Options: o, pace: newPace(o.Rate), patience: &patience{limit: o.GiveUpAfter}}
}

// errorsKept bounds the errors of files that a run returns one by one.
const errorsKept = 20

// fail notes that one file is given up.
func (r *Run) fail(e Event, err error) {
	e.Kind, e.Why = Failed, err.Error()
	r.FilesDone.Add(1)
	r.FilesFailed.Add(1)
	r.Tell(e)
	r.note(err)
}

func (r *Run) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if said, is, _ := denied(err); is {
		d := denial{said.status, said.why}
		if i, known := r.denials[d]; known {
			r.alike[i]++
			return
		}
		if r.denials == nil {
			r.denials, r.alike = map[denial]int{}, map[int]int{}
		}
		r.denials[d] = len(r.errs)
	}
	if len(r.errs) < errorsKept {
		r.errs = append(r.errs, err)
	} else {
		r.more++
	}
}

// result is all that went wrong.
func (r *Run) result(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := slices.Clone(r.errs)
	for i, n := range r.alike {
		if i < len(errs) {
			errs[i] = fmt.Errorf("%w (and so of %d more)", errs[i], n)
		}
	}
	if r.more > 0 {
		errs = append(errs, fmt.Errorf("and %d more", r.more))
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.Canceled):
		errs = append(errs, errInterrupted)
	case cause != nil && !r.noted(cause):
		errs = append(errs, cause)
	}
	return errors.Join(errs...)
}

// denial is a reason for which a token's files are refused: one for all of them, as a
// rule.
type denial struct {
	status int
	why    string
}

// noted reports that an error says what that of a file says already.
func (r *Run) noted(err error) bool {
	said, is, _ := denied(err)
	_, known := r.denials[denial{said.status, said.why}]
	return is && known
}

// deniedMost is how many files may be refused for want of a right, and none be taken,
// before it is clear that this token is the wrong one.
const deniedMost = 32

// hopeless reports that all other files will be refused, too.
func (r *Run) hopeless(err error) bool {
	said, is, always := denied(err)
	if !is || always {
		return always
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i, known := r.denials[denial{said.status, said.why}]
	return known && r.alike[i] >= deniedMost && r.FilesDone.Load() == r.FilesFailed.Load()
}

// moved counts bytes that went over the network.
func (r *Run) moved(n int64) {
	r.BytesDone.Add(n)
	r.BytesMoved.Add(n)
	r.patience.moved()
}

// errInterrupted is what became of the files that were still to do.
var errInterrupted = errors.New("interrupted; the same command goes on where this one ended")

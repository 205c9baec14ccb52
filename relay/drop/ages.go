package drop

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ages tells how old files are whose dates are of the machine's clock, though that clock
// is set while the program runs: a machine that starts in 1970 and then hears what time it
// is has no file that is decades old. What is set while nobody looks counts as time that
// has passed, and so does what nobody can tell: dates that are had twice, because the
// clock was set back, are the younger.
type ages struct {
	wall func() time.Time     // the machine's clock
	mono func() time.Duration // one that nobody sets, and that goes on in suspend

	mu     sync.Mutex
	at     time.Time // the last look, by both
	passed time.Duration
	leaps  []leap
}

// leap is a clock that was set forward: whatever is dated before is younger by that much
// than it seems.
type leap struct {
	before time.Time
	by     time.Duration
}

const (
	// leapLeast is what a clock does not gain or lose by itself between two looks.
	leapLeast = 10 * time.Second
	leapsMost = 100
)

func newAges() ages {
	return ages{wall: time.Now, mono: sinceBoot}
}

// sinceBoot reads CLOCK_BOOTTIME.
func sinceBoot() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) // there is one on every Linux that relay runs on
	return time.Duration(ts.Nano())
}

// look compares the clocks, and reports by how much the machine's was set since the last
// look, if it was.
func (a *ages) look() (by time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, passed := a.wall().Round(0), a.mono() // Round drops Go's own monotonic reading
	due := a.at.Add(passed - a.passed)
	if !a.at.IsZero() {
		by = at.Sub(due)
	}
	a.at, a.passed = at, passed
	if by.Abs() < leapLeast {
		return 0
	}
	if by > 0 && len(a.leaps) < leapsMost {
		a.leaps = append(a.leaps, leap{due, by})
	}
	return by
}

// of is how old a date was at the last look.
func (a *ages) of(date time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	age := a.at.Sub(date)
	for _, l := range a.leaps {
		if date.Before(l.before) {
			age -= l.by
		}
	}
	return age
}

// before is a date of which all that is earlier is older than age.
func (a *ages) before(age time.Duration) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := a.at.Add(-age)
	for _, l := range a.leaps {
		if at.Before(l.before.Add(l.by)) {
			at = at.Add(-l.by)
		}
	}
	return at
}

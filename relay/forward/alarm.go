package forward

import "time"

// alarms are when to look at names again.
type alarms struct {
	at    map[string]time.Time
	next  time.Time // the first of them, or of the files that wait for another try
	clock *time.Timer
}

// set has a name looked at.
func (a *alarms) set(path string, at time.Time) {
	if a.at == nil {
		a.at = map[string]time.Time{}
	}
	a.at[path] = at
	a.wake(at)
}

// wake has the owner look at what waits.
func (a *alarms) wake(at time.Time) {
	if a.next.IsZero() || at.Before(a.next) {
		a.next = at
	}
}

// timer is a channel that tells when the first is due; nil if there is none.
func (a *alarms) timer() <-chan time.Time {
	if a.next.IsZero() {
		return nil
	}
	wait := max(time.Until(a.next), 0)
	if a.clock == nil {
		a.clock = time.NewTimer(wait)
	} else {
		a.clock.Reset(wait)
	}
	return a.clock.C
}

// due takes the names whose time has come.
func (a *alarms) due(now time.Time) (paths []string) {
	a.next = time.Time{}
	for path, at := range a.at {
		if at.After(now) {
			a.wake(at)
			continue
		}
		paths = append(paths, path)
		delete(a.at, path)
	}
	return paths
}

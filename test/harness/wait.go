package harness

import (
	"testing"
	"time"
)

// Patience is how long anything that should happen soon may take: long enough
// for a loaded machine, since only failures ever wait for it.
const Patience = 20 * time.Second

// steps is how many steps a wait for what can only be polled has, at most.
const steps = 4000

// Eventually polls until done says true, and fails the test when that takes
// longer than Patience. done returns what it saw, for the failure message.
func Eventually(t testing.TB, what string, done func() (bool, any)) {
	t.Helper()
	EventuallyWithin(t, Patience, what, done)
}

// EventuallyWithin is Eventually with a patience of its own, for what moves much.
func EventuallyWithin(t testing.TB, limit time.Duration, what string, done func() (bool, any)) {
	t.Helper()
	saw, ok := poll(limit, done)
	if !ok {
		t.Fatalf("%s: not within %v, last seen: %v", what, limit, saw)
	}
}

// poll calls done until it says true or the time is up; at least twice.
func poll(limit time.Duration, done func() (bool, any)) (saw any, ok bool) {
	deadline := time.Now().Add(limit)
	for {
		if ok, saw = done(); ok || time.Now().After(deadline) {
			return saw, ok
		}
		time.Sleep(limit / steps)
	}
}

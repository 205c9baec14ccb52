package config

import (
	"fmt"
	"time"
)

const (
	// timeoutMin is the resolution of epoll_wait(2).
	timeoutMin = time.Millisecond
	// timeoutMax keeps now + timeout far from the end of an int64 of nanoseconds.
	timeoutMax = 10 * 365 * 24 * time.Hour
)

// timeout is a time that is never zero: there is no "never" to write, because a
// peer that vanished must not hold a session for good.
func timeout(v any) (time.Duration, error) {
	d, err := duration(v)
	switch {
	case err != nil:
		return 0, err
	case d < timeoutMin:
		return 0, fmt.Errorf("%q is too short; every timeout is finite and at least \"1ms\", write it like \"30s\" or \"10m\"", v)
	}
	return d, nil
}

// duration is a time from nothing to ten years.
func duration(v any) (time.Duration, error) {
	s, ok := v.(string)
	if n, isInt := v.(int64); isInt && n > 0 {
		return 0, fmt.Errorf("%d has no unit; write \"%ds\" for seconds", n, n)
	} else if !ok {
		return 0, fmt.Errorf("%s is not a duration; write it like \"30s\" or \"10m\"", describe(v))
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s is not a duration; write it like \"30s\" or \"10m\"", quote(s))
	case d < 0:
		return 0, fmt.Errorf("%s is negative; write it like \"30s\" or \"10m\"", quote(s))
	case d > timeoutMax:
		return 0, fmt.Errorf("%s is too long; write at most \"87600h\", ten years", quote(s))
	}
	return d, nil
}

package config

import "fmt"

// Rates are limits in bytes a second, each way; 0 = none.
type Rates struct {
	Up, Down               int64 // the whole listener
	SessionUp, SessionDown int64 // each session
}

// Any reports that something is limited.
func (r *Rates) Any() bool { return *r != Rates{} }

var rateFields = []field[Rates]{
	scalar("rate_up", rate, func(r *Rates) *int64 { return &r.Up }),
	scalar("rate_down", rate, func(r *Rates) *int64 { return &r.Down }),
	scalar("session_rate_up", rate, func(r *Rates) *int64 { return &r.SessionUp }),
	scalar("session_rate_down", rate, func(r *Rates) *int64 { return &r.SessionDown }),
}

// rateLeast is 1 KiB a second: below it a timer would be all there is.
const rateLeast = kib

func rate(v any) (int64, error) {
	n, err := size[int64](0, tib)(v)
	if err == nil && n > 0 && n < rateLeast {
		return 0, fmt.Errorf("%s bytes a second is out of range; write at least %q, or 0 for no limit", literal(v), formatSize(rateLeast))
	}
	return n, err
}

package config

import (
	"fmt"
	"strconv"
	"time"
)

// Check is what a health check does.
type Check uint8

// The values of the key `type` of a health check.
const (
	CheckTCP    Check = iota // connect
	CheckHTTP                // ask for a page
	CheckTLS                 // finish a TLS handshake
	CheckExpect              // send some bytes and look at the answer
)

var checkTypeNames = []string{"tcp", "http", "tls", "expect"}

// String is the value as the file spells it.
func (c Check) String() string { return checkTypeNames[c] }

// AnswerMost is how many bytes of an answer a check looks at.
const AnswerMost = 16 << 10

// HealthCheck is [upstream.health_check]: how backends are asked whether they are up.
type HealthCheck struct {
	Type         Check
	Interval     time.Duration // from the start of one check to the start of the next
	DownInterval time.Duration // the same while the backend is down; 0 = Interval
	Timeout      time.Duration // of a whole check
	Jitter       int           // percent by which intervals vary
	Fall         int           // failures in a row until it is down
	Rise         int           // successes in a row until it is up
	Port         int           // 0 = the backend's
	Host         string        // for "http" and "tls"; "" = the backend's address
	Path         string        // for "http"
	Status       []StatusRange // for "http": what is a good answer
	Send         string        // for "expect"
	Expect       string        // for "expect": how the answer begins
	ExpectRegexp string        // for "expect": what stands in the answer
}

// StatusRange is a range of HTTP status codes.
type StatusRange struct{ From, To int }

// String is the range as the file spells it.
func (r StatusRange) String() string {
	if r.From == r.To {
		return strconv.Itoa(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

// Ejection is [upstream.ejection]: when backends are left out for what sessions saw of
// them.
type Ejection struct {
	Failures int           // in a row
	Time     time.Duration // of the first ejection; it doubles with each that follows
	TimeMax  time.Duration
	ShareMax int // percent of the backends that may be out at a time
}

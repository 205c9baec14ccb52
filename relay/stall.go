package relay

import (
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"relay/relay/loop"
)

// stalls tells of a loop that stood still, about once a second at most. It belongs to
// the loop's thread.
type stalls struct {
	log    zerolog.Logger
	told   int64         // when
	untold int           // since
	cpu    time.Duration // of the thread, when last marked
}

const tellEvery = int64(time.Second)

// mark notes how much the thread has worked so far, once a second.
func (s *stalls) mark() { s.cpu = threadCPU() }

// tell logs a stall: how long, what the round did, and the most that the thread can have
// worked in it. Where that is far less, it waited: for a processor, or in a system call.
func (s *stalls) tell(r loop.Round) {
	now := loop.Clock()
	if now-s.told < tellEvery {
		s.untold++
		return
	}
	s.log.Warn().Dur("stall_ms", r.Took).Dur("cpu_ms_at_most", min(threadCPU()-s.cpu, r.Took)).
		Str("ran", r.String()).Int("more", s.untold).Msg("a loop stood still")
	s.told, s.untold = now, 0
}

func threadCPU() time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

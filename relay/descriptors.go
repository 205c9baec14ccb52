package relay

import (
	"fmt"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"relay/config"
)

// reserve is the number of descriptors kept for what is not a session: listening
// sockets, loops, logs, files being opened.
const reserve = 64

// raiseDescriptors raises the soft limit of descriptors to the hard one and says how
// many sessions that allows: two descriptors each, and two for each pipe the pool may
// make, for which at most a quarter is set aside. pipeBytes is the budget that leaves.
func raiseDescriptors(c *config.Config, log zerolog.Logger) (sessions, pipeBytes int64, err error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, 0, fmt.Errorf("getrlimit RLIMIT_NOFILE: %w", err)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, 0, fmt.Errorf("setrlimit RLIMIT_NOFILE to %d: %w", limit.Max, err)
	}
	descriptors := int64(min(limit.Cur, 1<<30))
	pipes := min(2*c.Engine.PipeBudget/int64(c.Engine.PipeSize), descriptors/4)
	allowed := max((descriptors-reserve-pipes)/2, 1)
	line := log.Info()
	if asked := int64(c.Engine.SessionsMax); asked > allowed {
		line = log.Warn().Int64("sessions_max_asked", asked)
	} else if asked > 0 {
		allowed = asked
	}
	line.Int64("descriptors", descriptors).Int64("sessions_max", allowed).Msg("descriptors")
	return allowed, pipes / 2 * int64(c.Engine.PipeSize), nil
}

package relay

import (
	"fmt"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/probe"
)

// descriptors is what the limit of them allows.
type descriptors struct {
	sessions   int64
	pipeBytes  int64 // the budget that is left of the file's
	bundleOpen int   // for each bundle of files that is stored
}

// raiseDescriptors raises the soft limit of descriptors to the hard one and shares them out.
func raiseDescriptors(c *config.Config, log zerolog.Logger) (d descriptors, err error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return d, fmt.Errorf("getrlimit RLIMIT_NOFILE: %w", err)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return d, fmt.Errorf("setrlimit RLIMIT_NOFILE to %d: %w", limit.Max, err)
	}
	all := int64(min(limit.Cur, 1<<30))
	share := probe.Divide(all, Needs(c))
	line := log.Info()
	d.sessions = share.Sessions
	if asked := int64(c.Engine.SessionsMax); asked > d.sessions {
		line = log.Warn().Int64("sessions_max_asked", asked)
	} else if asked > 0 {
		d.sessions = asked
	}
	line.Int64("descriptors", all).Int64("sessions_max", d.sessions).Msg("descriptors")
	d.pipeBytes = share.Pipes * int64(c.Engine.PipeSize)
	// A drop that takes files may come with a reload: its bundles keep to the same.
	d.bundleOpen = int(probe.Divide(all, probe.Needs{Bundles: bundlesOpen}).Bundles) / bundleWorkers
	return d, nil
}

package drop

import (
	"path/filepath"

	"relay/relay/drop/store"
)

// arrived counts a file that has been published, says so in the log, and has the program
// run that waits for it.
func (c *Conn) arrived(done store.Published) {
	d := c.drop
	c.counts.Arrived++
	line := c.in.log.Info().Str("drop", d.Service.Config.Name).Str("file", done.Path).
		Int64("size", done.Info.Size).Bool("replaced", done.Replaced)
	if c.request.grant.Name != "" {
		line.Str("token", c.request.grant.Name)
	}
	line.Msg("arrived")
	if d.Arrived != nil {
		d.Arrived(done.Path)
	}
	if len(d.limits.OnArrival) == 0 || c.in.arrivals == nil {
		return
	}
	c.in.arrivals.add(errand{
		drop: d.Service.Config.Name, path: done.Path, file: filepath.Join(d.directory, done.Path),
		size: done.Info.Size, command: d.limits.OnArrival, limit: d.limits.OnArrivalTimeout,
	})
}

package drop

import "relay/relay/drop/store"

// arrived counts a file that has been published, and says so in the log.
func (c *Conn) arrived(done store.Published) {
	c.counts.Arrived++
	c.in.log.Info().Str("drop", c.drop.Service.Config.Name).Str("file", done.Path).
		Int64("size", done.Info.Size).Bool("replaced", done.Replaced).Msg("arrived")
}

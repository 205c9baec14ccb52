package relay

import (
	"relay/config"
	"relay/relay/probe"
)

// Needs is what a configuration asks of the machine, for the probes at start and for
// `relay doctor`.
func Needs(c *config.Config) probe.Needs {
	e := c.Engine
	n := probe.Needs{
		PipeSize: e.PipeSize, PipeBudget: e.PipeBudget, SpliceChunk: e.SpliceChunk,
		SessionsMax: int64(e.SessionsMax),
	}
	for i := range c.Listeners {
		l := &c.Listeners[i]
		n.Backlog = max(n.Backlog, l.Backlog)
		n.SpliceChunk = max(n.SpliceChunk, l.SpliceChunk)
		n.LowestPort = lowestPort(n.LowestPort, l.Listen)
	}
	for i := range c.Drops {
		d := &c.Drops[i]
		n.Backlog = max(n.Backlog, d.Backlog)
		n.SpliceChunk = max(n.SpliceChunk, d.SpliceChunk)
		n.LowestPort = lowestPort(n.LowestPort, d.Listen)
		if d.Uploads.Write {
			n.Bundles = bundlesOpen
		}
		n.Drops = append(n.Drops, probe.DropNeeds{Name: d.Name, Directory: d.Directory, Write: d.Uploads.Write})
	}
	for i := range c.Upstreams {
		u := &c.Upstreams[i]
		n.SpliceChunk = max(n.SpliceChunk, u.SpliceChunk)
		n.Transparent = n.Transparent || u.Transparent
		for _, b := range u.Backends {
			if !b.Address.IsUnix() {
				n.Backends++
			}
		}
	}
	return n
}

// lowestPort is the lower of a port and those of some addresses; 0 stands for none.
func lowestPort(lowest int, at []config.Address) int {
	for _, a := range at {
		if p := int(a.TCP.Port()); p != 0 && (lowest == 0 || p < lowest) {
			lowest = p
		}
	}
	return lowest
}

package handover

import (
	"relay/relay/drop"
	"relay/relay/proxy"
)

// NewCounts are counts of nothing.
func NewCounts() Counts {
	return Counts{Listeners: map[string]proxy.Tally{}, Drops: map[string]drop.Tally{}}
}

// Add adds what another has counted.
func (c *Counts) Add(o *Counts) {
	for name, t := range o.Listeners {
		sum, ok := c.Listeners[name]
		if !ok {
			sum.Ended = map[proxy.Reason]uint64{}
		}
		sum.Add(&t)
		c.Listeners[name] = sum
	}
	for name, t := range o.Drops {
		sum, ok := c.Drops[name]
		if !ok {
			sum.Ended, sum.Requests = map[drop.Reason]uint64{}, map[int]uint64{}
		}
		sum.Add(&t)
		c.Drops[name] = sum
	}
	c.Copied += o.Copied
	c.Spliced += o.Spliced
}

// Since is what has been counted since earlier counts were made.
func (c Counts) Since(before *Counts) Counts {
	d := NewCounts()
	for name, t := range c.Listeners {
		was := before.Listeners[name]
		d.Listeners[name] = t.Since(&was)
	}
	for name, t := range c.Drops {
		was := before.Drops[name]
		d.Drops[name] = t.Since(&was)
	}
	d.Copied, d.Spliced = c.Copied-before.Copied, c.Spliced-before.Spliced
	return d
}

package upstream

import "relay/config"

// order is a way to choose among the backends that are ready: up, with a weight, and
// with room. Every method is called under the upstream's lock, and none looks at more
// than a few of the backends, however many there are.
type order interface {
	// add puts in a backend that became ready, remove takes out one that no longer is.
	add(b *Backend)
	remove(b *Backend)
	// loaded is told of a change to the load of a backend that is in, weighed of one to
	// its share, which was before.
	loaded(b *Backend)
	weighed(b *Backend, before int)
	// take chooses a backend, for the client with this hash, and counts it as chosen;
	// nil when none is in.
	take(hash uint64) *Backend
}

// newOrder is the order that a configuration asks for.
func newOrder(c *config.Upstream, t *tier) order {
	switch c.Balance {
	case config.LeastConnections:
		return newLeast()
	case config.Random:
		return newTwoChoices()
	case config.SourceHash:
		return &hashed{tier: t, factor: c.HashFactor}
	case config.First:
		return newFirst()
	}
	return newTurns()
}

// lessLoaded reports that a has fewer sessions than b for its share, counting the one
// that is to come: of two idle backends the heavier one comes first.
func lessLoaded(a, b *Backend) bool { return (a.load+1)*b.share < (b.load+1)*a.share }

// Package upstream holds the pools of backends: which there are, how loaded and how well
// each is, and which one the next session goes to.
//
// It is safe for use by every loop at once. What is counted once a session is shared
// under one short lock for each upstream; bytes never come here. What is configured is
// an immutable snapshot; what runs (load, health, ejections) is kept in Backend, found
// again by its address when a new snapshot comes.
//
//	Upstream ── tiers, by rank: 0, then what stands in for it (backups)
//	              └─ order: the backends that are up and have room, as the balance
//	                 wants them: turns, least, twoChoices, hashed, inList
//
// A pick looks at no more than a few backends, whether there are ten or a thousand:
// whatever changes (load, weight, health, room) moves one backend within its order or in
// and out of it. Checks, discovery and slow starts run on goroutines of the upstream's
// own, between Start and Stop.
//
// The package must never know of epoll, loops or flows. Start with upstream.go, pick.go
// and tier.go; each order has a file of its own. steer.go is what operators can do.
package upstream

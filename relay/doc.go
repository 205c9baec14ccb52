// Package relay is the server: it builds the parts from a configuration, starts,
// drains and stops them.
//
// # The architecture
//
// relay moves bytes between descriptors without taking them to user space. A Server
// runs a few workers, one for each CPU. A worker is an event loop on a thread of its
// own with everything that lives on it: its pipes, its sessions, its connections to
// drops. A worker's things are touched by its own thread alone, so the path of a byte
// takes no lock.
//
//	            listen.Service (one [[listener]] or [[drop]], its sockets)
//	                 │ accept, on whichever loop wakes
//	                 ▼
//	loop.Loop ─► proxy.Session ── two ends, two flows
//	  epoll         │   ▲
//	  timers        │   └─ upstream.Upstream picks the backend
//	  posts         ▼
//	            flow.Flow: source ─fill─► pipe ─flush─► sink
//	                              (pipepool)
//
// A connection to a drop (drop.Conn) stands where the session does, with one end and, while
// a file comes or goes, one flow. What may wait for a disk is done by flow.Disk, on
// goroutines; admin.Server asks the workers by posting to their loops.
//
// Who owns what: the Server its parts (services, upstreams, drops, the admin interface),
// which a reload exchanges, and its workers; a worker its loop, pool, mover, sessions and
// connections; a session its two descriptors and the pipes its flows hold; the pool every
// pipe that no flow holds.
//
// Imports point one way (imports_test.go has a place for every package):
//
//	cmd → relay → handover, admin, forward → proxy, drop, transfer, bench
//	    → listen, upstream, flow → loop → pipepool, sock, probe, tally, systemd
//
// Read on in relay/loop, then relay/flow, then relay/proxy. Of this package server.go is
// the life of a process, worker.go what lives on one loop, parts.go what a configuration
// becomes, reload.go and commit.go how one set of parts takes the place of another;
// upgrade.go, depart.go and takeover.go how one process takes the place of another
// (relay/handover says what passes between them). observe.go and observesessions.go answer
// the admin interface, steer.go does what it is told; notify.go and fdstore.go speak with
// the service manager.
package relay

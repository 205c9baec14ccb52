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
// Who owns what: the Server its services and workers; a worker its loop, pool, mover
// and sessions; a session its two descriptors and the pipes its flows hold; the pool
// every pipe that no flow holds.
//
// Imports point one way:
//
//	cmd → relay → proxy, drop → listen, upstream, flow → loop → pipepool, sock, probe, systemd
//
// Read on in relay/loop, then relay/flow, then relay/proxy.
package relay

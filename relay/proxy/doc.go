// Package proxy serves layer-4 sessions: a client connection, the backend connection
// that serves it, and the two flows between them.
//
// Sessions is what one loop has of them; it and every Session in it belong to that
// loop's thread. A Listener is what the loops share: one [[listener]] of the
// configuration with its routes and the Targets, upstreams as they are called, behind it.
//
// A session is plain values: descriptors, the pipes that hold its bytes, counters,
// deadlines. It has no goroutine and no closure, so that it can be quiesced, moved to
// another loop or process, and adopted there (move.go, record.go).
//
// Follow a byte: sessions.go takes the client, head.go reads what it says first where
// that matters (a PROXY header, a ClientHello) and route.go sends it on, connect.go finds
// it a backend, which call.go calls and announce.go tells who the client is; relay.go
// moves its bytes and passes ends on, reset.go resets, end.go closes. The state machine
// is in state.go.
//
// Rates (pace.go, bucket.go, allowance.go) cost the sessions that have none one
// comparison a turn.
package proxy

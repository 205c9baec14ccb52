// Package listen accepts clients, for proxy and drop alike: listening sockets,
// admission (allow, deny, limits), descriptor shortage, and the choice of the loop that
// serves a fresh connection.
//
// A Service is one [[listener]] or [[drop]] with its listening sockets, shared by all
// loops. Each loop has an Acceptor of it, which accepts and gives the connection to
// that loop's Taker, or posts it to a loop that has clearly fewer sessions.
//
// The sockets are watched with EPOLLEXCLUSIVE, so that one connection wakes one loop;
// a socket of its own for each loop (SO_REUSEPORT) would lose what is pending when a
// loop or a process ends.
//
// A socket need not be opened here: a reload takes over what is open (open.go), and a
// process what a socket unit or an earlier process gave it (inherit.go, key.go).
//
// Here is also what a Taker may need before its own work begins: the PROXY header
// (header.go parses one, takeheader.go takes it off a socket) and limits per source
// (source.go).
//
// The package knows neither sessions nor requests. Start with service.go, then
// acceptor.go.
package listen

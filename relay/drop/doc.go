// Package drop serves directories over HTTP/1.1 on the event loops: heads are read,
// files go out as flows, and connections are kept for the next request.
//
// A Drop is what the loops share of one [[drop]]: the directory, opened once, and its
// rules. Conns are the connections of one loop; it and every Conn in it belong to that
// loop's thread. Whatever may wait for a disk (a name that is not cached, a page that is
// not in memory, the listing of a directory) is done by a worker of flow.Disk and comes
// back to the loop.
//
// A Conn between two requests owns no buffer and no pipe. The head of a request is
// peeked, so that it stays in the socket until it is whole; then exactly the head is
// taken.
//
// What a client sends is judged in this order, each by pure functions with their tests
// beside them: head.go (where the head ends, and everything http.ReadRequest is too
// kind about), request.go (what is asked), name.go (which file), precondition.go and
// byterange.go (how much of it).
//
// Follow a request: conns.go takes the client, receive.go reads the head, open.go finds
// the file, answer.go writes the head of the response, send.go its body, end.go ends the
// request and the connection. The state machine is in state.go. The listing of a
// directory is made in index.go and page.go (listing.go for programs), as a file in memory that is sent like any
// other.
//
// The package knows neither proxy nor upstream.
package drop

// Package transfer moves files between this machine's directories and drops on others:
// it is the client's side of package drop. `relay get` and `relay send` use it, and so
// does package forward.
//
// A Run is one order: many files, some connections, one limit of the rate, one place
// where progress is counted. Its files wait in a queue; every connection is a goroutine
// that takes from it, and keeps several requests for small files under way at once. A
// connection that breaks gives its files back to the queue, and what was moved of a large
// one is not moved again.
//
// Bytes go socket → pipe → file and file → socket by way of the standard library, whose
// os.File and net.TCPConn splice and sendfile by themselves: this is a client with a few
// connections, and blocking goroutines do. What the library cannot do is pipelining, so
// wire.go speaks HTTP/1.1 itself, over http.ReadResponse.
//
// Nothing is ever seen half: a fetched file grows under a hidden name beside its place
// (partial.go) and is renamed when it is whole, verified and on the disk; a sent one is
// the drop's to publish, and is looked at before and after, so that what changed in
// between is sent again.
//
// Connections of both kinds are lanes (lane.go): over callers (caller.go), which ask one
// thing at a time, they keep several requests under way, and try again.
//
// Follow a sending: send.go plans (walk.go goes through trees), put.go runs a connection
// and puts small files (small.go: each in one request, once; bundle.go: many in one, where the
// server takes that), post.go sends a large one by
// resumable.go and notes it in note.go, and stream.go sends what cannot be read twice.
// stored.go finds out which name a file has got; source.go is what is known of one while it is
// sent, version.go what tells it from others of its name, and still.go the copy that it is sent
// from where there can be one.
//
// A courier (courier.go) sends files for package forward: one, many small ones in a request
// (together.go), or one that is still arriving here (ahead.go). Digests are computed beside a
// transfer, by follower.go.
//
// Follow a fetch: get.go plans (tree.go goes through trees, by the answers of listing.go),
// pipeline.go runs a connection, fetch.go takes an answer, land.go moves its bytes, finish.go
// has them verified, partial.go publishes. One file that goes to standard output is fetched by
// getstream.go, and goes there by way of tap.go.
// What is worth another try, and what is not, is decided in failure.go and patience.go.
//
// The package knows no configuration and no command line; what happens is told by Events.
package transfer

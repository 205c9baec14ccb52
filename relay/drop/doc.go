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
// directory is made in index.go, as a file in memory that is sent like any other: in the
// form of page.go for people, of listing.go for programs, and for WebDAV as propfind.go is
// asked (question.go) and multistatus.go answers.
//
// authorise.go finds out what a client may do. A file that comes in follows put.go (may
// it?), upload.go (room for it), body.go (its bytes), trail.go (their digests), publish.go
// (its name) and package store, which is where files become visible whole or not at all. One
// that several requests bring begins in resumable.go, goes on in resume.go and rests in
// pause.go. Many small ones in one request are a message (message.go) that delivery.go takes
// apart.
//
// A large file that is still arriving can be read by who is told of it (arriving.go); what
// has arrived is told by arrival.go, also to the program of on_arrival (onarrival.go).
//
// Time is counted by clocks that nobody sets, here and in package forward; dates of files and
// of states that an earlier process wrote are compared with the machine's clock once, when
// they are first seen (ages.go, ongoing.go), so that setting it removes nothing early.
//
// # The interface, for who sends files
//
//	PUT /dir/name        201 with Location, or 204 if a file was replaced; both with ETag and
//	                     Last-Modified. The file is durable (durability = "fsync") and visible
//	                     then, and not before. Directories are made. The connection is kept.
//	  Content-Length     or chunks; 411 without both. Chunks are copied, not spliced
//	  Expect             100-continue is answered when nothing stands in the way any more
//	  If-None-Match: *, If-Match, If-Unmodified-Since    412; they go before on_conflict
//	  Repr-Digest, Content-Digest, Digest    400 if what arrived is something else
//	  X-OC-Mtime, X-Relay-Mode               time and permissions (uploadfields.go)
//	  X-Relay-Transfer                       an id; a repeat is answered, and not published; 409 if it is another file
//	  Content-Range      501: a part is never taken for a file; Content-Encoding: 415
//	POST /dir/ with Content-Type application/x-relay-files    many small files, in the form of
//	                     package bundle (at most 128 files, 1 MiB, 32 directories deep; beyond that
//	                     400, 413, and 400 for the file): 200, and a line with the status of each. The
//	                     answer to a PUT with X-Relay-Transfer says that this is taken (Accept-Post),
//	                     and so does OPTIONS
//	POST, PUT with Upload-Complete    a resumable upload (resumable.go); HEAD, PATCH and DELETE
//	                     at its place, /.relay-uploads/ID; of one that is complete HEAD says which
//	                     file it became (Content-Location)
//	MKCOL, DELETE, MOVE  names without bytes (change.go). A MKCOL with X-OC-Mtime or
//	                     X-Relay-Mode is for a directory that may be there, and makes those above.
//	                     DELETE and MOVE heed the conditions that PUT does. A MOVE replaces where
//	                     on_conflict does, or the token may delete, unless Overwrite: F says no (412)
//	COPY                 another file like one that is here, as if it were put (copy.go);
//	                     Overwrite: F is 412 if there is one. A directory is 403
//	PROPFIND             207: a name (Depth: 0), or a directory and its names (Depth: 1), each
//	                     with what HEAD says of it. A tree (Depth: infinity) is 403
//	OPTIONS              the methods, and Upload-Limit
//	GET, HEAD            Want-Repr-Digest is answered with the digest of the whole file
//	401, 403             authorise.go says which right is needed; 403 for a name of ours, too
//	405                  the drop is read-only
//	408                  too slow
//	409                  on_conflict, a directory, a file above it, an id of another file
//	413                  larger than file_size_max
//	503                  uploads_max; Retry-After
//	507                  no room; whatever came of the file is gone
//
// # What of the documents it keeps to
//
// RFC 9110 for methods, conditions and ranges, with these choices: a range that cannot be
// read is overlooked, several get the whole file, Content-Range in a PUT is 501. RFC 9530
// for digests: Content-Digest counts as Repr-Digest in a PUT, and is overlooked in a
// PATCH; trailers are overlooked. RFC 4918 for PROPFIND, MKCOL, DELETE, MOVE and COPY, as much of
// class 1 as programs need that copy files: nothing is locked, properties cannot be set
// (PROPPATCH), COPY takes files only, and DELETE files and empty directories. Resumable uploads follow
// draft-ietf-httpbis-resumable-upload, interop version 8 (texts 09 to 11): no progress by
// 104, one request at a time for an upload, POST means the same as PUT, and more content
// for an upload that is complete is refused.
//
// The package knows neither proxy nor upstream.
package drop

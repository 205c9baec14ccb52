// Package bundle is the form in which many small files travel in one request: a line that
// describes a file, its bytes, the next line, and so on.
//
//	PATH SIZE MTIME MODE ID DIGESTS\n
//	the file's bytes, SIZE of them
//
// PATH is where the file goes beneath the directory that the request is for: escaped as in a
// URL, without a '/' in front, so that a proxy may put the directory elsewhere. The others
// are what the fields of a PUT would say: Content-Length, X-OC-Mtime, X-Relay-Mode,
// X-Relay-Transfer and Repr-Digest; "-" stands for one of the last four that is not there.
// What is the same for all of them stands in the request: X-Relay-Via.
// What a value means, and whether it is one, is for the reader to judge. There are no
// conditions: who needs those puts the file by itself.
//
// The answer, 200, has a line for each file, in their order: the status that its PUT would have
// been answered with, and behind it, where that is an error, the text; and where the file has
// got another name than it asked for (on_conflict = "keep_both"), that one, as PATH is written.
//
// It is a package of its own because the drop reads what package transfer writes.
package bundle

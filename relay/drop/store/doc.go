// Package store puts files into a directory whole: a name shows all bytes of a file, or
// the file that was there before, or nothing, whatever fails and whenever the power does.
//
// A Partial is a file that is being filled and that nobody sees: it has no name at all
// (O_TMPFILE), or, where the file system cannot do that, one of those that a drop keeps
// for itself. Publish makes the bytes durable, then gives the file its name, then makes
// the name durable. What a name may do to a file that has it already is decided in the
// same step as the naming, under a lock that all who publish that name share.
//
// The package knows no HTTP, no loop and no configuration; all its calls may wait for a
// disk. It stands apart from package drop because package forward takes files away, and
// reads what is noted with them. Start with partial.go, then publish.go: batch.go and
// commit.go do it for many files at a time, place.go makes directories, unsynced.go knows
// which of them the disk may not have, told.go answers who sends a file again. resumable.go
// is a Partial that outlives its request, change.go what is done to names without bytes,
// sweep.go what a process finds that was killed before.
package store

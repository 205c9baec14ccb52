// Package forward sends what lands in a drop on to drops on other hosts, each file once
// and whole, whatever is killed meanwhile.
//
// A Forwarder looks after one drop. One goroutine (forwarder.go) owns all that is known
// of its files and where they stand (line.go). Others look and carry for it and come back
// to it: the watcher of the directory (watch.go, by inotify; scan.go, by looking through
// all), and for each [[drop.forward]] as many couriers (courier.go, report.go) as it has
// files at a time. What the drop tells comes by mailbox.go, what is to be looked at later by
// alarm.go, and people ask and order by status.go, retry.go and dropped.go.
//
//	a name changes ─► candidate ─► complete? ─► waiting ─► carried ─► sent, by all ─► after
//	                     ▲  settle.go  │           ▲           │                      after.go
//	                     └─────────────┘           └─report.go─┘
//
// The queue is the directory itself: what is in it and not in the book as sent is still
// to be sent. So nothing has to be written when a file comes, and nothing can be lost
// with the queue. The book (book.go) remembers which version of which file was sent where
// and which was given up; it is written, synced, before the file is touched, and a record
// outlives its file by a day. What tells versions apart is a transfer.Version. The book also
// has since when a file is to be sent of which a try has failed.
//
// A small file goes in one request, alone or with others (line.go, nextLoad), under an id
// that follows from what it is: the receiver knows it again (package store, told.go). A
// large one is a resumable upload whose place is noted, synced, before it is completed:
// after a kill or a loss of power at any point the receiver is asked, and says that it is
// complete or how much is missing. It keeps that answer for as long as its uploads live
// (their expiry), which must be longer than this side may be down. Notes that nobody needs
// any more are removed at the start, and whenever all is looked through (notes.go).
//
// A file that is changed in place while it waits or is carried goes when it is complete
// again; where the file system shares blocks between files, what was begun arrives first,
// whole.
//
// A large file that comes by way of the drop is sent while it still arrives (ahead.go): its
// courier has brought all bytes, as a rule, when it is complete here, and then does what
// is done for every large file. Before that the receiver shows nothing of it, and if it is
// never complete the receiver is told to forget it: at once, or at the next start.
//
// A file carries the ids of the drops that it came through (via.go, X-Relay-Via), and is not
// sent on by one that it came through before.
package forward

// Package handover moves a running relay to a new process: its listening sockets and its
// live sessions, with the bytes that their pipes hold.
//
// The old process starts the new one with one end of a unix socketpair and is in charge
// throughout. Descriptors travel as SCM_RIGHTS: afterwards both processes hold the same
// connection, so all depends on that only one of them uses it.
//
//	old process                                   new process
//	    │  hello, sockets                              │
//	    │─────────────────────────────────────────────►│ reads the configuration, builds
//	    │                           ready, or no: why  │ everything, checks backends
//	    │◄─────────────────────────────────────────────│
//	    │ stops accepting                              │
//	    │  take: counters, health                      │
//	    │─────────────────────────────────────────────►│ accepts
//	    │                                       taken  │
//	    │◄─────────────────────────────────────────────│
//	    │ takes some sessions out of a loop            │
//	    │  batch: sessions, descriptors                │
//	    │─────────────────────────────────────────────►│ holds them, and touches nothing
//	    │                                        have  │
//	    │◄─────────────────────────────────────────────│
//	    │  yours                                       │
//	    │─────────────────────────────────────────────►│ goes on with them
//	    │ closes its descriptors of them               │
//	    │   … the next batch, until all are moved …    │
//	    │  left: what it finishes itself               │
//	    │─────────────────────────────────────────────►│
//	    │   … more batches, as sessions can be moved … │
//	    │  farewell: the last counters                 │
//	    │─────────────────────────────────────────────►│
//
// # Who owns a session
//
// Exactly one process does, at every moment, whichever of the two is killed:
//
//   - Until the old process has sent "yours", it does. If anything goes wrong before (the
//     new process says no, is silent for too long, or is gone), the old one first makes
//     sure that the new one is dead, and then goes on with what it had taken out.
//   - From then on the new one does. A message on a socketpair is with its receiver once
//     it is sent, so "yours" cannot get lost on the way.
//   - A new process that finds the connection closed knows that the old one is dead, for
//     the old one closes it at no other time before the end. So what it holds is its own,
//     whether or not "yours" has come; and before "take", the listening sockets are.
//
// What dies with a process are the sessions it owns, and nothing else. (When the new one
// is killed after it has taken some batches, the old one takes up accepting again and
// keeps the sessions it still has; those that were moved are gone.)
//
// # Versions
//
// The first eight bytes of a message (conn.go) and the message "no" are the same in every
// version. A process that is offered another version than its own answers no, and the
// old one goes on.
//
// The package knows sessions as plain records, and no loop. Start with messages.go, then
// successor.go (the old side) and predecessor.go (the new one).
package handover

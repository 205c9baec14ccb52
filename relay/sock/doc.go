// Package sock is the thin layer over the socket system calls: typed results in
// place of error values, EINTR retried here and nowhere else, addresses without
// allocation.
//
// Calls that cannot block (non-blocking sockets and pipes) go through RawSyscall,
// which does not tell the scheduler: on the data path that costs more than the
// call's own entry. What may wait for a disk is in file.go and open.go, by calls that
// tell the scheduler.
//
// EAGAIN is a result like any other: functions return the number of bytes and an
// Errno, and the caller decides what it means. Nothing here logs, keeps state or
// knows of loops. Start with io.go.
package sock

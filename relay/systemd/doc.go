// Package systemd speaks with the service manager that started this process: it tells
// it how the service is, leaves listening sockets with it, and takes those that it
// passes.
//
// It is a package of its own because three others need it, none of which may know
// another: relay tells the manager what happens, relay/listen serves its sockets, and
// relay/handover moves the conversation to a new process.
//
// Take reads the environment once, at start, and removes it: LISTEN_* and WATCHDOG_*
// speak of one process, by its number, and mean nothing to a child. What it gives is
// plain data. A process that was started by its predecessor gets the same as data, and
// nothing of it from the environment.
//
// Without a service manager all of it does nothing.
//
// The package knows neither listeners nor sessions. Start with take.go, then notify.go.
package systemd

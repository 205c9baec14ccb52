// Package probe finds out what this kernel lets relay do, by doing it: splicing between
// sockets, pipes and files, whether the pages of a file really go out by reference,
// which questions about the page cache are answered. The program asks at start, says it
// in one log line, and works either way; `relay doctor` explains it.
//
// Nothing here outlives Run: no descriptor, no file with a name. The package knows
// neither configuration nor sessions. Start with probe.go.
package probe

// Package probe finds out what this kernel and machine let relay do. Run tries it:
// splicing between sockets, pipes and files, whether the pages of a file really go out
// by reference, which questions about the page cache are answered. Examine then holds
// that, the machine's settings and its interfaces against what a configuration needs.
// The server does both at start and says each in one log line; `relay doctor` prints
// every finding with why it matters and what mends it, and those of ExamineNamed: whether
// the files, programs and addresses that a configuration names can be used.
//
// Nothing here outlives a call: no descriptor, no file with a name. Nothing is changed
// and no privilege is needed. The package knows neither configuration nor sessions: it
// is given Needs and Named. Start with probe.go (trying) and examine.go (checking).
package probe

// Package harness runs the relay program for the black-box suites.
//
// Main builds the program once for a test binary, so that it is never stale.
// Start runs it with a Config and returns when it is ready; the Relay it returns
// knows the real addresses, keeps the log as it comes (Journal), and answers what
// /proc says about the process. When the test ends, everything the test left is
// checked: no descriptor may be left over, the program must end by SIGTERM with
// exit code 0, and nothing but JSON may have come out of it. A panic, a race
// report or a stray print fails the test that caused it.
//
// Waiting is on events with deadlines: Relay.Line and Relay.Session wait for log
// lines, Eventually polls what no event tells. A window in which CPU time is
// measured is the only sleep.
//
// The package knows nothing about payload; see test/peer for that.
package harness

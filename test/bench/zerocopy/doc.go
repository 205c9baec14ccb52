// Command zerocopy holds `relay bench` against a bare loop of sendfile and against what
// was promised of it, and writes that part of test/bench/RESULTS.md. Run it from the top
// of the repository:
//
//	make build && go run ./test/bench/zerocopy                      # under a minute
//	go run ./test/bench/zerocopy -results test/bench/RESULTS.md     # all, some minutes
//
// The loop is testdata/sendfile.c, compiled here with cc: one thread that sends a file of its own
// to the same sink as relay, blocking, with nothing around the call. Without a compiler
// the same loop runs in this program, in Go, and the report says so. relay and the loop
// take turns, and ratios are formed within a round.
//
// Start with main.go.
package main

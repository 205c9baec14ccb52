// Package e2e runs relay under programs that nobody here wrote: curl, wget, aria2,
// rclone, iperf3, redis, PostgreSQL, ssh, nc, nginx, dnsmasq, openssl and Chromium, as
// Debian packages them. They know nothing of relay, and what they do with a connection
// (ranges in parallel, pipelines, half-closes, resumed downloads, large windows) is what
// real traffic does.
//
//	make e2e
//
// RELAY_SHOTS=dir has the tests of the status page leave pictures of it there.
//
// A program that is missing is a failure which names its package, not a skip: a
// suite that quietly does less is no proof. Every server is started by its test, on a
// free port of the loopback, with a directory and a configuration of its own, and dies
// with the test; every program has a time limit.
//
// One test boots a whole systemd, in namespaces of its own (boot.sh), and leads relay's
// life with systemctl; it takes root, and where that is not enough it fails.
//
// Start in program_test.go (how a program is run), then read any *_test.go: each is
// one program or one behaviour. The relay itself is driven by test/harness.
package e2e

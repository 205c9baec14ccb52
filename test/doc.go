// Package test holds the black-box suites: they build the real program, run it
// with a configuration of their own and watch it from outside, by the bytes that
// come out, the log lines it writes and what /proc says about it.
//
// One file is one behaviour. rig_test.go has what they share: a running relay
// between clients and backends played by the test. The program is driven by
// test/harness, the programmable clients and backends are in test/peer.
//
// Knobs, all environment variables:
//
//	RELAY_FULL=1   the volumes of the release run: 1 GB each way in every splice
//	               mode, 200 000 short connections, each of three hosts killed 50
//	               times, 20 000 files through them (go test -timeout 30m)
//	RELAY_RACE=1   build the program with the race detector; go test -race does
//	               the same
//	RELAY_SEED=n   the seed of the random runs, to repeat a failure
//
// go test -short makes everything smaller. Tests that need root (another user's
// identity, network namespaces) say so and skip without it.
package test

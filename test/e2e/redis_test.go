//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// startRedis runs a server without persistence on a unix socket, behind a relay, and
// returns what its clients need on the command line to reach the relay.
func startRedis(t testing.TB) (*harness.Relay, []string) {
	t.Helper()
	socket := filepath.Join(harness.Directory(t), "redis")
	program(t, "redis-server", "--port", "0", "--unixsocket", socket,
		"--save", "", "--appendonly", "no", "--daemonize", "no").serve(t, "unix:"+socket)
	r := startProxy(t, "auto", "unix:"+socket)
	return r, []string{"-h", "127.0.0.1", "-p", portOf(t, r.Address(t, "web"))}
}

// redisCLI prepares a command.
func redisCLI(t testing.TB, at []string, command ...string) *process {
	t.Helper()
	return program(t, "redis-cli", append(at[:len(at):len(at)], command...)...)
}

// TestRedisBenchmark counts in redis what its benchmark did: each of the requests has
// arrived, once.
func TestRedisBenchmark(t *testing.T) {
	const clients, requests = 50, 50_000
	for name, args := range map[string][]string{
		"one at a time": {},
		"pipelined":     {"-P", "16"},
		"deep":          {"-P", "500"},
	} {
		t.Run(name, func(t *testing.T) {
			r, at := startRedis(t)
			all := append(at[:len(at):len(at)], "-q", "-c", fmt.Sprint(clients), "-n", fmt.Sprint(requests))
			program(t, "redis-benchmark", append(append(all, "-t", "incr,lpush"), args...)...).ok(t)
			for command, key := range map[string]string{"GET": "counter:__rand_int__", "LLEN": "mylist"} {
				got := strings.TrimSpace(redisCLI(t, at, command, key).ok(t))
				if want := fmt.Sprint(requests); got != want {
					t.Errorf("%s %s is %s, want %s", command, key, got, want)
				}
			}
			wantSessions(t, r, 2*clients)
		})
	}
}

// TestRedisBenchmarkLarge has large values in both directions on many connections.
func TestRedisBenchmarkLarge(t *testing.T) {
	_, at := startRedis(t)
	const bytes = 1_000_000
	program(t, "redis-benchmark", append(at, "-q", "-c", "16", "-n", "500", "-d", fmt.Sprint(bytes), "-t", "set,get")...).ok(t)
	if got := strings.TrimSpace(redisCLI(t, at, "STRLEN", "key:__rand_int__").ok(t)); got != fmt.Sprint(bytes) {
		t.Errorf("the value has %s bytes, want %d", got, bytes)
	}
}

// TestRedisLargeValue sends one value of 200 MB there and back.
func TestRedisLargeValue(t *testing.T) {
	r, at := startRedis(t)
	redisCLI(t, at, "-x", "SET", "big").input(t, big(t)).ok(t)
	get, got := redisCLI(t, at, "--raw", "GET", "big").output(t)
	get.ok(t)
	// With --raw the end of a line follows the value.
	if err := compare(open(t, got), io.MultiReader(open(t, big(t)), strings.NewReader("\n"))); err != nil {
		t.Errorf("the value is not as sent: %v", err)
	}
	wantComplete(t, r, bigBytes, 1)
	wantComplete(t, r, 1, bigBytes)
}

// TestRedisPipe feeds commands by the hundred thousand, whose answers come while the
// commands are still being sent.
func TestRedisPipe(t *testing.T) {
	const n = 100_000
	_, at := startRedis(t)
	var commands strings.Builder
	for i := range n {
		fmt.Fprintf(&commands, "SET key:%d value-of-%d\r\n", i, i)
	}
	said := redisCLI(t, at, "--pipe").text(commands.String()).ok(t)
	if want := fmt.Sprintf("errors: 0, replies: %d", n); !strings.Contains(said, want) {
		t.Errorf("redis-cli said %q, want %q", said, want)
	}
	if got := strings.TrimSpace(redisCLI(t, at, "DBSIZE").ok(t)); got != fmt.Sprint(n) {
		t.Errorf("%s keys, want %d", got, n)
	}
}

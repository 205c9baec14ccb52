//go:build e2e

package e2e

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// netcat prepares a client of an address ("host:port"). With -N it half-closes as soon
// as its input ends, and goes on listening.
func netcat(t testing.TB, address string, args ...string) *process {
	t.Helper()
	return program(t, "nc", append(args, "127.0.0.1", portOf(t, address))...)
}

// request asks for the large file; the answer ends with the connection.
const request = "GET /" + bigName + " HTTP/1.0\r\n\r\n"

// TestNetcatHalfClose has a client say all it has to say, and a FIN: the answer still
// arrives, all of it. The backend is one that takes a half-close for what it is; nginx
// takes it for a client that has left.
func TestNetcatHalfClose(t *testing.T) {
	address := freeAddress(t, "127.0.0.1")
	program(t, "rclone", "serve", "http", filepath.Dir(big(t)), "--addr", address).serve(t, address)
	for _, mode := range spliceModes {
		t.Run(mode, func(t *testing.T) {
			r := startProxy(t, mode, address)
			p, got := netcat(t, r.Address(t, "web"), "-N").text(request).output(t)
			p.ok(t)
			wantAnswer(t, got, big(t))
			wantComplete(t, r, 1, bigBytes)
		})
	}
}

// TestNetcatHalfCloseSmall is the same when all of it is copied, not spliced.
func TestNetcatHalfCloseSmall(t *testing.T) {
	r, _ := startRedis(t)
	const n = 1000
	got := netcat(t, r.Address(t, "web"), "-N").text(strings.Repeat("PING\r\n", n)).ok(t)
	if want := strings.Repeat("+PONG\r\n", n); got != want {
		t.Errorf("%d bytes of answers, want %d", len(got), len(want))
	}
	wantComplete(t, r, 1, 1)
}

// TestNetcatSink moves a file as people do with two netcats: the FIN behind it is what
// says that it is whole. A sink without an input of its own half-closes at once, so
// that the last FIN finds both directions of the client ended while bytes are on their
// way.
func TestNetcatSink(t *testing.T) {
	for name, halfClosed := range map[string]bool{"open": false, "half-closed": true} {
		t.Run(name, func(t *testing.T) {
			address := freeAddress(t, "127.0.0.1")
			sink, got := netcat(t, address, "-l", "-N").output(t)
			if !halfClosed {
				if _, err := sink.StdinPipe(); err != nil {
					t.Fatal(err)
				}
			}
			sink.serve(t, address)
			r := startProxy(t, "auto", address)
			netcat(t, r.Address(t, "web"), "-N").input(t, big(t)).ok(t)
			if code := sink.wait(t); code != 0 {
				t.Errorf("the sink ended with code %d", code)
			}
			wantSame(t, got, big(t))
			wantComplete(t, r, bigBytes, 0)
		})
	}
}

// TestNetcatBackendHalfClose has the backend finish first: its FIN reaches the client
// at once, and what the client says after it still arrives.
func TestNetcatBackendHalfClose(t *testing.T) {
	address := freeAddress(t, "127.0.0.1")
	backend, got := netcat(t, address, "-l", "-N").text("all I have to say\n").output(t)
	backend.serve(t, address)
	r := startProxy(t, "auto", address)

	client := netcat(t, r.Address(t, "web"), "-N")
	words, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	client.start(t)
	client.waitOutput(t, "all I have to say\n")
	wantHalfClosed(t, r.Address(t, "web"))
	if _, err := io.Copy(words, open(t, big(t))); err != nil {
		t.Fatal(err)
	}
	words.Close()
	if code := client.wait(t); code != 0 {
		t.Errorf("the client ended with code %d", code)
	}
	backend.wait(t)
	wantSame(t, got, big(t))
	wantComplete(t, r, bigBytes, 1)
}

// wantHalfClosed waits until the one client of an address has received a FIN.
func wantHalfClosed(t testing.TB, address string) {
	t.Helper()
	harness.Eventually(t, "the backend's FIN is with the client", func() (bool, any) {
		// sl local_address rem_address st …; 08 is CLOSE_WAIT
		return inTable("/proc/net/tcp", func(f []string) bool {
			return len(f) > 3 && f[3] == "08" && strings.HasSuffix(f[2], hexPort(address))
		}), nil
	})
}

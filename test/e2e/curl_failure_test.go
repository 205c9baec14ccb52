//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"relay/test/harness"
)

// What curl's exit codes mean to a person.
const (
	curlRefused = 7  // there is no connection, or it was reset at once
	curlPartial = 18 // the body ended before its Content-Length
	curlNothing = 52 // the connection ended without an answer
	curlReset   = 56 // receiving failed
)

// hasSome waits until a file that somebody writes has some bytes.
func hasSome(t testing.TB, path string, bytes int64) {
	t.Helper()
	harness.Eventually(t, "a download is under way", func() (bool, any) {
		info, err := os.Stat(path)
		return err == nil && info.Size() >= bytes, err
	})
}

// wantBeginning fails the test unless the file is a part of the large one, from its
// start, and not all of it.
func wantBeginning(t testing.TB, got string) {
	t.Helper()
	info, err := os.Stat(got)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() >= bigBytes {
		t.Errorf("all %d bytes arrived, the test was too late", info.Size())
	}
	wantPart(t, got, big(t), 0, info.Size())
}

// TestCurlBackendDies kills the only backend in the middle of a download. Its kernel
// sends what it has and a FIN, and so must relay: curl sees a body that is too short.
// After that nobody is there to connect to.
func TestCurlBackendDies(t *testing.T) {
	backend := startNginx(t, "127.0.0.1")
	r := startProxy(t, "auto", backend.Address)
	got := filepath.Join(t.TempDir(), "got")
	url := "http://" + r.Address(t, "web") + "/" + bigName
	download := curl(t, "-f", "--limit-rate", "20M", "-o", got, url).start(t)
	hasSome(t, got, 1<<20)
	backend.kill()
	if code := download.wait(t); code != curlPartial {
		t.Errorf("curl ended with code %d, want %d", code, curlPartial)
	}
	wantBeginning(t, got)

	curl(t, "-f", url).want(t, curlReset, curlNothing, curlRefused)
	s := r.SessionWhere(t, "a client that could not be served", func(s harness.Session) bool {
		return s.Reason == "connect_failed"
	})
	if s.Error != "connection refused" {
		t.Errorf("the log says that the backend failed by %q, want connection refused", s.Error)
	}
}

// TestCurlBackendResets has nginx give up on a client that reads nothing, which it does
// by a reset. When curl wakes up it gets what was sent before, and then the reset, not an
// end.
func TestCurlBackendResets(t *testing.T) {
	backend := startNginx(t, "127.0.0.1", "send_timeout 1s; reset_timedout_connection on;")
	r := startProxy(t, "auto", backend.Address)
	got := filepath.Join(t.TempDir(), "got")
	download := curl(t, "-f", "--limit-rate", "20M", "-o", got, "http://"+r.Address(t, "web")+"/"+bigName).start(t)
	hasSome(t, got, 1<<20)
	download.signal(t, syscall.SIGSTOP)
	wantNoConnection(t, backend.Address)
	download.signal(t, syscall.SIGCONT)
	if code := download.wait(t); code != curlReset {
		t.Errorf("curl ended with code %d, want %d", code, curlReset)
	}
	wantBeginning(t, got)
	s := r.SessionWhere(t, "the download", func(harness.Session) bool { return true })
	if s.Reason != "backend_reset" {
		t.Errorf("the session ended for the reason %q, want backend_reset", s.Reason)
	}
}

// wantNoConnection waits until a server has given up every connection to it.
func wantNoConnection(t testing.TB, address string) {
	t.Helper()
	harness.Eventually(t, "the server has given up its connections", func() (bool, any) {
		// sl local_address rem_address st …; 01 is ESTABLISHED
		return !inTable("/proc/net/tcp", func(f []string) bool {
			return len(f) > 3 && f[3] == "01" && strings.HasSuffix(f[1], hexPort(address))
		}), nil
	})
}

// TestCurlNextBackend has one of two backends dead from the start: nobody notices.
func TestCurlNextBackend(t *testing.T) {
	alive := startNginx(t, "127.0.0.1")
	r := startProxy(t, "auto", freeAddress(t, "127.0.0.1"), alive.Address)
	url := "http://" + r.Address(t, "web") + "/" + bigName
	for range 4 {
		got := filepath.Join(t.TempDir(), "got")
		curl(t, "-f", "-r", "0-99999", "-o", got, url).ok(t)
		wantPart(t, got, big(t), 0, 100_000)
	}
	r.SessionWhere(t, "a client of the dead backend", func(s harness.Session) bool {
		return s.Retries > 0 && s.Backend == alive.Address
	})
}

package test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// draining sends the signal and waits until nobody new is let in.
func draining(t *testing.T, r *rig, s syscall.Signal) {
	t.Helper()
	r.Signal(t, s)
	r.Message(t, "draining")
	harness.Eventually(t, "new clients are refused", func() (bool, any) {
		c, err := peer.Dial(r.Address(t, "web"))
		if err != nil {
			return true, err
		}
		_ = c.Reset() // ends the session it may have got, so that only the test's own are left
		return false, "connected"
	})
}

// The first signal drains: nothing new is accepted, what runs goes on to its own end,
// and with the last session the program ends well.
func TestSignalDrains(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			r := setup{edit: func(c *harness.Config) { c.Engine["drain_timeout"] = "60s" }}.start(t)
			first, second := r.open(t), r.open(t)
			draining(t, r, s)
			first.ping(t)
			if err := first.carry(bulk(1, 4*mib), bulk(2, 4*mib)); err != nil {
				t.Errorf("a session while draining: %v", err)
			}
			r.wantReason(t, first.client, "complete")
			second.ping(t)
			second.client.Close()
			second.backend.Close()
			wantExit(t, r, 0)
			if r.lines("stopped") != 1 {
				t.Error("the last word is not \"stopped\"")
			}
		})
	}
}

func wantExit(t *testing.T, r *rig, code int) {
	t.Helper()
	if got := r.Exit(t); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
}

// Nothing runs: the program ends at once, not after drain_timeout.
func TestSignalWithoutSessions(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) { c.Engine["drain_timeout"] = "60s" }}.start(t)
	start := time.Now()
	r.Signal(t, syscall.SIGTERM)
	wantExit(t, r, 0)
	within(t, "the end", start, 0, late)
}

// What still runs at drain_timeout is reset on both sides, and that is a good end.
func TestDrainTimeout(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) { c.Engine["drain_timeout"] = "800ms" }}.start(t)
	p := r.open(t)
	start := time.Now()
	r.Signal(t, syscall.SIGTERM)
	wantCutOff(t, p.client)
	within(t, "drain_timeout", start, 790*time.Millisecond, late)
	wantCutOff(t, p.backend)
	r.wantReason(t, p.client, "drain_timeout")
	wantExit(t, r, 0)
}

// The second signal ends at once what still runs, by resets.
func TestSecondSignal(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			r := setup{edit: func(c *harness.Config) { c.Engine["drain_timeout"] = "60s" }}.start(t)
			p := r.open(t)
			draining(t, r, s)
			p.ping(t)
			start := time.Now()
			r.Signal(t, s)
			wantCutOff(t, p.client)
			wantCutOff(t, p.backend)
			if code := r.Exit(t); code < 0 {
				t.Error("the signal killed the process, it did not end by itself")
			}
			within(t, "the end", start, 0, late)
			r.wantReason(t, p.client, "killed")
		})
	}
}

// A drain while clients are still coming loses none that was connected.
func TestDrainServesWhoIsConnected(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) { c.Engine["drain_timeout"] = "60s" }}.start(t)
	clients := crowd(t, r, 50) // connected, perhaps not accepted yet
	r.Signal(t, syscall.SIGTERM)
	wantAllServed(t, r, clients)
	wantExit(t, r, 0)
}

// A restart finds the same port free, although connections of the last run are still
// in TIME_WAIT.
func TestRestartOnSamePort(t *testing.T) {
	t.Parallel()
	r := setup{}.start(t)
	p := r.open(t)
	p.ping(t)
	must(t, "half-close", p.backend.CloseWrite()) // the program's end towards the client closes first
	wantWhole(t, p.client, 0, 0)
	must(t, "half-close", p.client.CloseWrite())
	wantWhole(t, p.backend, 0, 0)
	r.wantReason(t, p.client, "complete")
	address := r.Address(t, "web")
	r.Stop(t)
	again := setup{listen: address}.start(t)
	again.open(t).ping(t)
}

// The file of a unix socket goes with the program, and one that a killed run left
// behind does not keep the next from starting.
func TestUnixSocketFile(t *testing.T) {
	t.Parallel()
	r := setup{listen: "unix"}.start(t)
	address := r.Address(t, "web")
	path := strings.TrimPrefix(address, "unix:")
	r.open(t).ping(t)
	r.Signal(t, syscall.SIGKILL)
	r.Exit(t)
	if _, err := os.Lstat(path); err != nil {
		t.Fatalf("a killed run left no file: %v", err)
	}
	again := setup{listen: address}.start(t)
	again.open(t).ping(t)
	again.closeConns()
	again.Stop(t)
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of the socket is still there: %v", err)
	}
}

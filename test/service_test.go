package test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/test/harness"
)

// What a service manager is told, from start to end.
func TestServiceIsTold(t *testing.T) {
	t.Parallel()
	m := harness.NewService(t)
	r := setup{options: harness.Options{Service: m}}.start(t)
	m.Hear(t, 1, "READY=1")
	m.Hear(t, 1, "STATUS=0 sessions")

	before := monotonic(t)
	c := harness.Proxy(r.servers[0].Address)
	if l := r.Reload(t, c.String()); l.Message != "reloaded" {
		t.Fatalf("reload: %v", l)
	}
	m.Hear(t, 2, "READY=1")
	notice := m.Hear(t, 1, "RELOADING=1").Text
	var at int64
	if _, err := fmt.Sscanf(notice, "RELOADING=1\nMONOTONIC_USEC=%d", &at); err != nil || at < before || at > monotonic(t) {
		t.Errorf("%q, want a time since %d", notice, before)
	}
	r.Reload(t, "this is no TOML")
	m.Hear(t, 3, "READY=1")
	m.Hear(t, 1, "the last reload was refused")

	p := r.open(t)
	r.Signal(t, syscall.SIGTERM)
	m.Hear(t, 1, "STOPPING=1\nEXTEND_TIMEOUT_USEC=13000000")
	m.Hear(t, 1, "STATUS=draining: 1 sessions")
	p.client.Close()
	p.backend.Close()
	if code := r.Exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func monotonic(t *testing.T) int64 {
	t.Helper()
	var ts unix.Timespec
	must(t, "clock_gettime", unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts))
	return ts.Nano() / 1000
}

// The watchdog is fed while all loops turn, and not while one stands still.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	m := harness.NewService(t)
	m.Watchdog = 400 * time.Millisecond
	r := setup{
		edit:    func(c *harness.Config) { c.Engine["loops"] = 2 },
		options: harness.Options{Service: m},
	}.start(t)
	m.Hear(t, 5, "WATCHDOG=1")
	resume := r.StopLoop(t)
	fed := m.Count("WATCHDOG=1")
	m.Hear(t, 1, "1 of 2 loops standing still") // many feedings were left out by then
	if n := m.Count("WATCHDOG=1") - fed; n > 1 {
		t.Errorf("the watchdog was fed %d times while a loop stood still", n)
	}
	resume()
	m.Hear(t, fed+5, "WATCHDOG=1")
}

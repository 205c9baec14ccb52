//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"relay/test/harness"
)

const (
	configFile    = "/etc/relay/relay.toml"
	unitDirectory = "/usr/local/lib/systemd/system/"
	dropIns       = "/etc/systemd/system/relay.service.d/"
	website       = "127.0.0.1:8080" // where the installed configuration listens
	backend       = "127.0.0.1:8000" // whom it calls
)

// A service's life, as an administrator leads it with systemctl, under the load of
// clients who are to notice nothing.
func TestSystemd(t *testing.T) {
	m := boot(t)
	m.greeter(t, backend)
	as := func(name string, f func(*testing.T, *machine)) {
		t.Run(name, func(t *testing.T) {
			m.do(t, "systemctl", "reset-failed") // and the count of starts in a short time
			f(t, m)
		})
	}
	as("starts", starts)
	as("reloads", reloads)
	as("restarts under load", restartsUnderLoad)
	as("crashes under load", crashesUnderLoad)
	as("a loop stands still", loopStandsStill)
	as("hangs", hangs)
	as("sockets by name", socketsByName)
	as("a drop that takes files", writableDrop)
	as("transparent", transparent)
	as("upgrades under load", upgradesUnderLoad)
	as("takes its time to stop", takesItsTime)
	as("stops under load", stopsUnderLoad)
}

// As it was installed, with the configuration that came with it.
func starts(t *testing.T, m *machine) {
	if out := m.do(t, "systemd-analyze", "verify", "--man=no", unitDirectory+"relay.service", unitDirectory+"relay.socket"); out != "" {
		t.Errorf("systemd says of the units: %s", out)
	}
	m.do(t, "systemctl", "enable", "--now", "relay")
	if got := m.greet(t, website); got != greeting {
		t.Errorf("a client hears %q", got)
	}
	for property, want := range map[string]string{
		"ActiveState": "active", "SubState": "running", "NotifyAccess": "main", "DynamicUser": "yes", "UnitFileState": "enabled",
	} {
		if got := m.show(t, property); got != want {
			t.Errorf("%s is %s, want %s", property, got, want)
		}
	}
	harness.Eventually(t, "relay says what goes on", func() (bool, any) {
		text := m.show(t, "StatusText")
		return strings.Contains(text, "sessions"), text
	})
	harness.Eventually(t, "systemd keeps the listening socket", func() (bool, any) {
		n := m.show(t, "NFileDescriptorStore")
		return n == "1", n
	})
	if out := m.do(t, "relay", "status", "--config", configFile); !strings.Contains(out, "relay") || !strings.Contains(out, website) {
		t.Errorf("relay status: %s", out)
	}
}

func (m *machine) config(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(m.path(configFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// systemctl reload answers when the new configuration is in force, and fails when it is
// refused.
func reloads(t *testing.T, m *machine) {
	before := m.config(t)
	pid := m.show(t, "MainPID")
	m.write(t, configFile, before+"\n[[listener]]\nname = \"second\"\nlisten = [\"127.0.0.1:8081\"]\nupstream = \"web\"\n")
	m.do(t, "systemctl", "reload", "relay")
	if got := m.greet(t, "127.0.0.1:8081"); got != greeting {
		t.Errorf("a client of the new listener hears %q", got)
	}
	m.write(t, configFile, before+"\nnonsense = true\n")
	if code, out := m.try(t, "systemctl", "reload", "relay"); code == 0 {
		t.Errorf("a reload of a bad file: code 0, %s", out)
	}
	if got := m.greet(t, "127.0.0.1:8081"); got != greeting {
		t.Errorf("after a refused reload a client hears %q", got)
	}
	harness.Eventually(t, "the status says that the reload was refused", func() (bool, any) {
		text := m.show(t, "StatusText")
		return strings.Contains(text, "refused"), text
	})
	m.write(t, configFile, before)
	m.do(t, "systemctl", "reload", "relay")
	if _, err := m.dial("127.0.0.1:8081"); err == nil {
		t.Error("a listener that is gone takes clients")
	}
	if state := m.show(t, "ActiveState"); state != "active" || m.show(t, "MainPID") != pid {
		t.Errorf("after the reloads it is %s, or another process", state)
	}
}

// A restart refuses nobody and cuts nobody off.
func restartsUnderLoad(t *testing.T, m *machine) {
	l := m.load(t, website)
	pid := m.show(t, "MainPID")
	for range 3 {
		l.more(t, 100)
		m.do(t, "systemctl", "restart", "relay")
		if now := m.show(t, "MainPID"); now == pid {
			t.Error("it is the same process after a restart")
		} else {
			pid = now
		}
	}
	l.more(t, 100)
	l.wantAll(t, 0)
}

// A crash cuts off who is being served, and refuses nobody.
func crashesUnderLoad(t *testing.T, m *machine) {
	l := m.load(t, website)
	l.more(t, 100)
	if err := syscall.Kill(m.mainPID(t), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	m.restarted(t, 1, "signal")
	l.more(t, 100)
	l.wantAll(t, 20)
}

// restarted waits until systemd has started it again on its own, for so many times.
func (m *machine) restarted(t *testing.T, times int, why string) {
	t.Helper()
	harness.Eventually(t, "relay is started again", func() (bool, any) {
		n, state := m.show(t, "NRestarts"), m.show(t, "SubState")
		return n == fmt.Sprint(times) && state == "running", n + " " + state
	})
	if _, journal := m.try(t, "journalctl", "--no-pager", "-o", "cat", "-u", "relay"); !strings.Contains(journal, "Failed with result '"+why+"'") {
		t.Errorf("the journal does not say that it ended by %s", why)
	}
}

// fastWatchdog has systemd wait for a shorter time than the unit says.
func (m *machine) fastWatchdog(t *testing.T) {
	t.Helper()
	m.write(t, dropIns+"fast.conf", "[Service]\nWatchdogSec=1s\nTimeoutAbortSec=2s\n")
	t.Cleanup(func() {
		os.Remove(m.path(dropIns + "fast.conf"))
		m.do(t, "systemctl", "daemon-reload")
	})
	m.do(t, "systemctl", "daemon-reload")
	m.do(t, "systemctl", "restart", "relay")
	m.do(t, "systemctl", "reset-failed")
}

// One loop stands still, and all else goes on: that is enough to be restarted.
func loopStandsStill(t *testing.T, m *machine) {
	m.fastWatchdog(t)
	resume := harness.StopLoopOf(t, m.mainPID(t))
	harness.Eventually(t, "systemd ends it", func() (bool, any) {
		state := m.show(t, "SubState")
		return state != "running", state
	})
	resume() // who holds a thread of it would hold up its end
	m.restarted(t, 1, "watchdog")
	if got := m.greet(t, website); got != greeting {
		t.Errorf("after it a client hears %q", got)
	}
}

// The whole process hangs.
func hangs(t *testing.T, m *machine) {
	m.fastWatchdog(t)
	l := m.load(t, website)
	l.more(t, 50)
	if err := syscall.Kill(m.mainPID(t), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	m.restarted(t, 1, "watchdog")
	l.more(t, 50)
	l.end()
	if len(l.refused) > 0 {
		t.Errorf("%d of %d clients were refused, the first: %v", len(l.refused), l.came.Load(), l.refused[0])
	}
}

// Who stops it under load sees running sessions end well, and nobody after them.
func stopsUnderLoad(t *testing.T, m *machine) {
	c, err := m.dial(website)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := hear(c); err != nil || text != greeting {
		t.Fatalf("heard %q, %v", text, err)
	}
	l := m.load(t, website)
	l.more(t, 100)
	m.do(t, "systemctl", "disable", "--now", "relay")
	for property, want := range map[string]string{"ActiveState": "inactive", "Result": "success", "NFileDescriptorStore": "0"} {
		if got := m.show(t, property); got != want {
			t.Errorf("%s is %s, want %s", property, got, want)
		}
	}
	if _, err := m.dial(website); err == nil {
		t.Error("a relay that was stopped takes clients")
	}
	l.end()
}

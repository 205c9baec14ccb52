//go:build e2e

package e2e

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/test/harness"
)

// reconfigure writes a configuration and drop-ins of the examples, and restarts relay. At
// the end of the test all is as it was.
func (m *machine) reconfigure(t *testing.T, config string, names ...string) {
	t.Helper()
	before := m.config(t)
	m.write(t, configFile, config)
	for _, name := range names {
		text, err := os.ReadFile("../../examples/systemd/drop-ins/" + name)
		if err != nil {
			t.Fatal(err)
		}
		m.write(t, dropIns+name, string(text))
	}
	t.Cleanup(func() {
		m.write(t, configFile, before)
		for _, name := range names {
			os.Remove(m.path(dropIns + name))
		}
		m.do(t, "systemctl", "daemon-reload")
		m.do(t, "systemctl", "restart", "relay")
	})
	m.do(t, "systemctl", "daemon-reload")
	m.do(t, "systemctl", "restart", "relay")
}

// Sockets of a unit: a client that comes before relay runs has it started and is served,
// and restarts refuse nobody.
func socketsByName(t *testing.T, m *machine) {
	config := m.config(t)
	m.do(t, "systemctl", "stop", "relay")
	m.write(t, configFile, strings.Replace(config, `"127.0.0.1:8080"`, `"systemd:web"`, 1))
	m.do(t, "systemctl", "start", "relay.socket")
	t.Cleanup(func() {
		m.do(t, "systemctl", "stop", "relay", "relay.socket")
		m.write(t, configFile, config)
		m.do(t, "systemctl", "start", "relay")
	})
	if got := m.greet(t, website); got != greeting {
		t.Errorf("the client who had it started hears %q", got)
	}
	if got := m.greet(t, "[::1]:8080"); got != greeting {
		t.Errorf("a client of the second socket hears %q", got)
	}
	l := m.load(t, website)
	for range 2 {
		l.more(t, 50)
		m.do(t, "systemctl", "restart", "relay")
	}
	l.more(t, 50)
	l.wantAll(t, 0)
}

// The sandbox lets a drop with its drop-in take files and give them back.
func writableDrop(t *testing.T, m *machine) {
	m.reconfigure(t, `
[admin]
listen = "unix:/run/relay/admin.sock"
[[drop]]
name = "inbox"
listen = ["127.0.0.1:9000"]
directory = "/var/lib/relay/inbox"
write = true
`, "writable-drop.conf")
	const url = "http://127.0.0.1:9000/some/where/payload"
	m.write(t, "/root/payload", strings.Repeat("all of it, please. ", 100_000))
	m.do(t, "curl", "-sS", "-f", "-T", "/root/payload", url)
	m.do(t, "curl", "-sS", "-f", "-o", "/root/back", url)
	m.do(t, "cmp", "/root/payload", "/root/back")
	if out := m.do(t, "curl", "-sS", "-f", "http://127.0.0.1:9000/some/"); !strings.Contains(out, "where") {
		t.Errorf("the listing: %s", out)
	}
	if code, _ := m.try(t, "curl", "-sS", "-f", "--path-as-is", "http://127.0.0.1:9000/../../../etc/passwd"); code == 0 {
		t.Error("a name leads out of the drop")
	}
}

// What transparent proxying needs beyond the unit comes with its drop-in, and nothing
// else does.
func transparent(t *testing.T, m *machine) {
	if got, want := m.capabilities(t), uint64(1<<unix.CAP_NET_BIND_SERVICE); got != want {
		t.Errorf("the base unit has the capabilities %#x, want %#x", got, want)
	}
	m.reconfigure(t, strings.Replace(m.config(t), "[[upstream]]\n", "[[upstream]]\ntransparent = true\n", 1), "transparent.conf")
	if got, want := m.capabilities(t), uint64(1<<unix.CAP_NET_BIND_SERVICE|1<<unix.CAP_NET_RAW); got != want {
		t.Errorf("with the drop-in it has the capabilities %#x, want %#x", got, want)
	}
}

// A drain that is allowed to last longer than TimeoutStopSec= is not cut short.
func takesItsTime(t *testing.T, m *machine) {
	const timeout = 1100 * time.Millisecond // systemd thinks in whole milliseconds
	m.write(t, dropIns+"impatient.conf", "[Service]\nTimeoutStopSec=1s\n")
	t.Cleanup(func() { os.Remove(m.path(dropIns + "impatient.conf")) })
	m.patient(t, backendOfPatience)
	m.reconfigure(t, "[engine]\nrestart_drain_timeout = \"1m\"\n"+strings.Replace(m.config(t), backend, backendOfPatience, 1))
	c, err := m.dial(website)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m.begun(t, c)
	began := time.Now()
	m.do(t, "systemctl", "stop", "--no-block", "relay")
	harness.Eventually(t, "relay has drained for longer than TimeoutStopSec=", func() (bool, any) {
		state := m.show(t, "SubState")
		return time.Since(began) > 2*timeout, state
	})
	if state := m.show(t, "SubState"); state != "stop-sigterm" {
		t.Errorf("while its session runs relay is %s", state)
	}
	c.Close()
	harness.Eventually(t, "relay ends", func() (bool, any) {
		state := m.show(t, "ActiveState")
		return state == "inactive" || state == "failed", state
	})
	if result := m.show(t, "Result"); result != "success" {
		t.Errorf("it ended with %s", result)
	}
}

func (m *machine) capabilities(t *testing.T) uint64 {
	t.Helper()
	pid := strconv.Itoa(m.mainPID(t))
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`CapEff:\s*([0-9a-f]+)`).FindStringSubmatch(string(status))
	if found == nil {
		t.Fatalf("no capabilities in %s", status)
	}
	n, err := strconv.ParseUint(found[1], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

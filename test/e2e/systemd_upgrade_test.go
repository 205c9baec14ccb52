//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
)

// An upgrade, by command and by signal: the session that runs goes on in the new process,
// nobody is refused or cut off, and systemd follows to the new process: it keeps its
// watchdog, its restarts and its store.
func upgradesUnderLoad(t *testing.T, m *machine) {
	m.patient(t, backendOfPatience)
	m.reconfigure(t, m.config(t)+
		"\n[[listener]]\nname = \"long\"\nlisten = [\"127.0.0.1:8081\"]\nupstream = \"long\"\n"+
		"[[upstream]]\nname = \"long\"\n[[upstream.backend]]\naddress = \""+backendOfPatience+"\"\n")
	m.fastWatchdog(t)
	long, err := m.dial("127.0.0.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	defer long.Close()
	m.begun(t, long)
	l := m.load(t, website)
	for i, order := range [][]string{
		{"relay", "upgrade", "--config", configFile},
		{"systemctl", "kill", "--kill-whom=main", "--signal=SIGUSR2", "relay"},
		{"relay", "upgrade", "--config", configFile},
	} {
		l.more(t, 100)
		before := m.show(t, "MainPID")
		m.do(t, order...)
		m.follows(t, before)
		if state := m.show(t, "ActiveState") + " " + m.show(t, "NRestarts"); state != "active 0" {
			t.Errorf("after upgrade %d it is %s", i, state)
		}
	}
	l.more(t, 100)
	m.fed(t)
	l.wantAll(t, 0)
	if err := long.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(long); err != nil || len(rest) > 0 {
		t.Errorf("the session that was there all the time ends with %q, %v", rest, err)
	}
	// What comes after an upgrade is as it was before.
	l = m.load(t, website)
	l.more(t, 50)
	m.do(t, "systemctl", "reload", "relay")
	m.do(t, "systemctl", "restart", "relay")
	l.more(t, 50)
	l.wantAll(t, 0)
}

// follows waits until another process is the main one, and the only one.
func (m *machine) follows(t *testing.T, before string) {
	t.Helper()
	harness.Eventually(t, "systemd follows to the new process, and the old one ends", func() (bool, any) {
		main := m.show(t, "MainPID")
		procs, _ := os.ReadFile(m.path("/sys/fs/cgroup/system.slice/relay.service/cgroup.procs"))
		all := strings.Fields(string(procs))
		return main != before && main != "0" && len(all) == 1, fmt.Sprint(main, all)
	})
}

// fed waits for twice the watchdog's time, in which relay is not to be restarted.
func (m *machine) fed(t *testing.T) {
	t.Helper()
	began := time.Now()
	harness.Eventually(t, "the watchdog's time has passed twice", func() (bool, any) {
		return time.Since(began) > 2*time.Second, m.show(t, "SubState")
	})
	if n := m.show(t, "NRestarts"); n != "0" {
		t.Errorf("it was restarted %s times", n)
	}
}

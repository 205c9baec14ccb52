package test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"relay/test/harness"
)

// A new process that fails, in whatever way and at whatever moment before it has taken
// over, harms nothing: the old one goes on with every session.
func TestUpgradeFails(t *testing.T) {
	for _, act := range acts {
		t.Run(act, func(t *testing.T) {
			t.Parallel()
			path := copyProgram(t)
			r := setup{options: harness.Options{Program: path, Environment: []string{successorAct + "=" + act}}}.start(t)
			j := r.depart(t, len(kinds))
			putSuccessor(t, path)
			tries := 2 // a second one finds everything as it was
			if testing.Short() {
				tries = 1
			}
			for range tries {
				l := r.TryUpgrade(t)
				if l.Message != harness.UpgradeFailed {
					t.Fatal(l.Raw)
				}
				t.Log(l.Field("error"))
				r.open(t).ping(t)
			}
			placeProgram(t, path)
			r.Upgrade(t)
			j.arrive(t, r)
		})
	}
}

// putSuccessor puts this test program in the place of the relay's.
func putSuccessor(t *testing.T, path string) {
	t.Helper()
	self, err := os.Executable()
	must(t, "find this program", err)
	program, err := os.ReadFile(self)
	must(t, "read this program", err)
	replace(t, path, program)
}

// hang has the relay start a program that says nothing, and returns its number.
func hang(t *testing.T, r *rig, path string) int {
	t.Helper()
	return startNoted(t, r, path, "exec sleep 60")
}

// startNoted has the relay start a shell script in its own place, and returns the number
// of that process.
func startNoted(t *testing.T, r *rig, path, script string) int {
	t.Helper()
	note := filepath.Join(harness.Directory(t), "pid")
	replace(t, path, []byte("#!/bin/sh\necho $$ >"+note+"\n"+script+"\n"))
	if err := syscall.Kill(r.PID, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	var pid int
	harness.Eventually(t, "the new process has started", func() (bool, any) {
		text, err := os.ReadFile(note)
		if pid = 0; strings.HasSuffix(string(text), "\n") {
			pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return pid > 0, err
	})
	return pid
}

// defunct reports that a process is gone but for its exit code.
func defunct(pid int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || strings.Contains(string(text), ") Z ")
}

// While one upgrade is under way no other begins; and kill -9 of the new process is no
// more than a failed upgrade.
func TestUpgradeOneAtATime(t *testing.T) {
	t.Parallel()
	path := copyProgram(t)
	a := startAdmin(t, setup{options: harness.Options{Program: path}}, false)
	p := a.open(t)
	p.ping(t)
	pid := hang(t, a.rig, path)
	before := len(a.Journal.Lines())
	if code, text := a.command(t, "upgrade"); code != 1 || !strings.Contains(text, "an upgrade is under way already") {
		t.Errorf("a second upgrade: exit code %d, %q", code, text)
	}
	p.ping(t)
	must(t, "kill", syscall.Kill(pid, syscall.SIGKILL))
	a.Since(t, before, "the end of the first", func(l harness.Line) bool {
		return l.Message == harness.UpgradeFailed && strings.Contains(l.Raw, "killed")
	})
	p.ping(t)
	placeProgram(t, path)
	code, text := a.command(t, "upgrade")
	if code != 0 || !strings.Contains(text, "1 session moved") {
		t.Errorf("exit code %d, %q", code, text)
	}
	a.Outcome(t, len(a.Journal.Lines())-lastUpgrade(a.rig))
	p.ping(t)
}

// lastUpgrade is how many lines ago the last upgrade was logged, at least.
func lastUpgrade(r *rig) int {
	lines := r.Journal.Lines()
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i].Message == harness.Upgraded {
			return len(lines) - i
		}
	}
	return 0
}

// A configuration that has mistakes by now: the new process refuses, and says why where
// the upgrade was asked for.
func TestUpgradeWithABadConfiguration(t *testing.T) {
	t.Parallel()
	a := startAdmin(t, setup{}, true)
	p := a.open(t)
	good, err := os.ReadFile(a.File())
	must(t, "read", err)
	a.Rewrite(t, string(good)+"\n[nonsense]\n")
	code, text := a.command(t, "upgrade")
	if code != 1 || !strings.Contains(text, "nonsense") || !strings.Contains(text, "nothing has changed") {
		t.Errorf("exit code %d, %q", code, text)
	}
	p.ping(t)
	a.open(t).ping(t)
}

// What the new configuration does not have any more stays with the old process, which
// finishes it.
func TestUpgradeLeavesWhatIsGone(t *testing.T) {
	t.Parallel()
	server := listen(t, "127.0.0.1:0")
	c := harness.Proxy(server.Address)
	c.Listeners = append(c.Listeners, harness.Table{"name": "other", "listen": []string{"127.0.0.1:0"}, "upstream": "web"})
	r := &rig{Relay: harness.Start(t, c)}
	t.Cleanup(r.closeConns)
	client := r.dialFrom(t, "", r.Address(t, "other"))
	served, err := server.Accept(harness.Patience)
	must(t, "accept", err)
	r.adopt(served)
	p := pair{client, served}
	p.ping(t)
	c.Listeners = c.Listeners[:1]
	r.Rewrite(t, c.String())
	l := r.Upgrade(t)
	if l.Field("moved") != 0.0 || l.Field("left") != 1.0 {
		t.Errorf("%s", l.Raw)
	}
	harness.Eventually(t, "new clients are refused", func() (bool, any) {
		c, err := net.Dial("tcp", r.Address(t, "other"))
		if err == nil { // the old process had not closed it yet, and must not wait for us
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
		return err != nil, err
	})
	p.ping(t)
	p.client.Close()
	p.backend.Close()
	r.Message(t, "gone: the process that took over serves")
	if s := r.Relay.Session(t, p.client.LocalAddr().String()); s.Reason != "complete" {
		t.Errorf("the session ended with %q", s.Reason)
	}
}

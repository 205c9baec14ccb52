//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"relay/test/harness"
)

// machine is a systemd that runs as if on a machine of its own, see boot.sh, with relay
// installed.
type machine struct {
	pid    int // of its first process, as seen from here
	cgroup string
	net    *harness.Namespace
	log    output // of boot.sh
}

// boot starts one, which is gone at the end of the test. A machine that cannot do that
// is a failure: there is no other way to know that the unit works.
func boot(t *testing.T) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("booting a systemd takes root: run this suite as root, in a virtual machine or a privileged container")
	}
	m := &machine{cgroup: "relay-e2e-" + strconv.Itoa(os.Getpid())}
	cmd := exec.Command(locate(t, "unshare"), "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--net", "--",
		absolute(t, "boot.sh"), t.TempDir(), install(t), m.cgroup)
	locate(t, "/lib/systemd/systemd")
	cmd.Stdout, cmd.Stderr = &m.log, &m.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := harness.Spawn(cmd); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() { m.stop(t, cmd.Process, ended) })
	m.await(t, cmd.Process.Pid, ended)
	m.net = harness.JoinNamespace(t, m.pid)
	return m
}

// install puts relay into an empty directory, with `make install`.
func install(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "installed")
	runMake(t, "docs")
	runMake(t, "install", "DESTDIR="+dir)
	return dir
}

func runMake(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("make", args...)
	cmd.Dir = absolute(t, "../..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\n%s", args[0], err, out)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// await waits until the machine is up.
func (m *machine) await(t *testing.T, unshare int, ended <-chan struct{}) {
	t.Helper()
	harness.Eventually(t, "a systemd boots", func() (bool, any) {
		select {
		case <-ended:
			t.Fatalf("this machine cannot boot a systemd of its own, which takes namespaces, overlayfs, cgroup2 and CAP_SYS_ADMIN; "+
				"run this suite in a virtual machine or a privileged container:\n%s", m.log.String())
		default:
		}
		if m.pid = childOf(unshare); m.pid == 0 {
			return false, "no process yet"
		}
		if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", m.pid)); string(comm) != "systemd\n" {
			return false, string(comm)
		}
		code, state := m.try(t, "systemctl", "is-system-running")
		return code == 0, state + m.log.String()
	})
}

func childOf(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	child, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return child
}

// stop kills everything in it and removes its control groups.
func (m *machine) stop(t *testing.T, unshare *os.Process, ended <-chan struct{}) {
	if m.pid != 0 {
		if t.Failed() {
			_, journal := m.try(t, "sh", "-c", `journalctl --no-pager -o cat | grep -v '"bytes_down":5,' | tail -80`)
			t.Logf("the machine's journal ends with:\n%s", journal)
		}
		_ = syscall.Kill(m.pid, syscall.SIGKILL)
	}
	_ = unshare.Kill()
	<-ended
	script := `mount -t cgroup2 cgroup2 "$0" && cd "$0" && { test ! -d "$1" || find "$1" -depth -type d -exec rmdir {} +; }`
	harness.Eventually(t, "its control groups are gone", func() (bool, any) {
		out, err := exec.Command("unshare", "--mount", "sh", "-c", script, t.TempDir(), m.cgroup).CombinedOutput()
		return err == nil, string(out)
	})
}

// try runs a program on the machine to its end and returns its code and all that it
// wrote.
func (m *machine) try(t testing.TB, args ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, locate(t, "nsenter"), append([]string{
		"--target", strconv.Itoa(m.pid), "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--wd=/", "--",
	}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8", "SYSTEMD_PAGER=", "HOME=/root"}
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%s: %v, %v", strings.Join(args, " "), err, ctx.Err())
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// do runs a program there that must end well, and returns what it wrote.
func (m *machine) do(t testing.TB, args ...string) string {
	t.Helper()
	code, out := m.try(t, args...)
	if code != 0 {
		_, status := m.try(t, "systemctl", "status", "--no-pager", "-l", "relay")
		t.Fatalf("%s ended with code %d:\n%s\n%s", strings.Join(args, " "), code, out, status)
	}
	return out
}

// show is a property of the unit.
func (m *machine) show(t testing.TB, property string) string {
	t.Helper()
	return strings.TrimSpace(m.do(t, "systemctl", "show", "--value", "--property="+property, "relay"))
}

// path is a file of the machine, as seen from here.
func (m *machine) path(file string) string { return fmt.Sprintf("/proc/%d/root%s", m.pid, file) }

// write writes a file there.
func (m *machine) write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.path(file)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.path(file), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// mainPID is relay's process, as seen from here.
func (m *machine) mainPID(t testing.TB) int {
	t.Helper()
	inside := m.show(t, "MainPID")
	own, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", m.pid))
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		if ns, _ := os.Readlink(dir + "/ns/pid"); ns != own {
			continue
		}
		status, _ := os.ReadFile(dir + "/status")
		_, after, _ := strings.Cut(string(status), "\nNSpid:")
		line, _, _ := strings.Cut(after, "\n")
		if f := strings.Fields(line); len(f) > 0 && f[len(f)-1] == inside {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			return pid
		}
	}
	t.Fatalf("relay's process %s is not to be found", inside)
	return 0
}

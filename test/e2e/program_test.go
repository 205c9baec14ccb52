//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
)

// packages says what to install when a program is missing.
var packages = map[string]string{
	"aria2c":          "aria2",
	"cadaver":         "cadaver",
	"chromium":        "chromium",
	"curl":            "curl",
	"dnsmasq":         "dnsmasq-base",
	"initdb":          "postgresql",
	"iperf3":          "iperf3",
	"nc":              "netcat-openbsd",
	"nginx":           "nginx",
	"openssl":         "openssl",
	"pgbench":         "postgresql",
	"postgres":        "postgresql",
	"psql":            "postgresql",
	"rclone":          "rclone",
	"redis-benchmark": "redis-tools",
	"redis-cli":       "redis-tools",
	"redis-server":    "redis-server",
	"sh":              "dash",
	"scp":             "openssh-client",
	"ssh":             "openssh-client",
	"ssh-keygen":      "openssh-client",
	"sshd":            "openssh-server",
	"wget":            "wget",

	"/lib/systemd/systemd": "systemd",
	"nsenter":              "util-linux",
	"systemd-analyze":      "systemd",
	"unshare":              "util-linux",
}

// limit is how long a program may run. None here needs a tenth of it.
const limit = 90 * time.Second

// process is a foreign program: prepared, running or ended. What it writes is kept
// unless the test gives it another place to write to.
type process struct {
	*exec.Cmd
	name           string
	stdout, stderr output
	ended          chan struct{}
	overdue        *time.Timer
}

// program prepares a run.
func program(t testing.TB, name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(locate(t, name), args...), name: name}
	p.Dir = t.TempDir()
	// Neither a person's settings nor a proxy of the site may change what is tested.
	p.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=" + p.Dir}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	// Its own group, so that its children end with it; and it ends if the tests are killed.
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return p
}

// locate finds a program. Servers live in sbin, which is not on everybody's path.
func locate(t testing.TB, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not installed; it is in Debian's package %s: apt-get install %s", name, packages[name], packages[name])
	return ""
}

// start lets it run beside the test, at the end of which it is killed.
func (p *process) start(t testing.TB) *process {
	t.Helper()
	p.WaitDelay = time.Second // for a child that left the group with our pipe
	if err := harness.Spawn(p.Cmd); err != nil {
		t.Fatal(err)
	}
	p.ended = make(chan struct{})
	p.overdue = time.AfterFunc(limit, p.kill)
	go func() {
		_ = p.Cmd.Wait() // the exit code is read from ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		<-p.ended
		if t.Failed() {
			t.Log(p)
		}
	})
	return p
}

// wait waits for its end and returns the exit code.
func (p *process) wait(t testing.TB) int {
	t.Helper()
	<-p.ended
	if !p.overdue.Stop() {
		t.Fatalf("not finished within %v: %v", limit, p)
	}
	return p.ProcessState.ExitCode()
}

// run runs it to its end and returns the exit code.
func (p *process) run(t testing.TB) int {
	t.Helper()
	return p.start(t).wait(t)
}

// ok runs it to its end, which must be a good one, and returns what it wrote to
// standard output.
func (p *process) ok(t testing.TB) string {
	t.Helper()
	p.want(t, 0)
	return p.stdout.String()
}

// want runs it to its end, which must be with one of these exit codes.
func (p *process) want(t testing.TB, codes ...int) int {
	t.Helper()
	got := p.run(t)
	for _, code := range codes {
		if got == code {
			return got
		}
	}
	t.Fatalf("%s ended with code %d, want %d", p.name, got, codes)
	return got
}

// kill ends it and its group at once; one that has ended is left alone.
func (p *process) kill() {
	select {
	case <-p.ended:
	default:
		_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
	}
}

// signal sends a signal to it and its group.
func (p *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(-p.Process.Pid, s); err != nil {
		t.Fatalf("signal %v to %s: %v", s, p.name, err)
	}
}

// waitOutput waits until it has written exactly this to standard output.
func (p *process) waitOutput(t testing.TB, want string) {
	t.Helper()
	harness.Eventually(t, p.name+" has written its output", func() (bool, any) {
		got := p.stdout.String()
		return got == want, got
	})
}

// input has it read standard input from a file.
func (p *process) input(t testing.TB, path string) *process {
	t.Helper()
	p.Stdin = open(t, path)
	return p
}

// text has it read these words.
func (p *process) text(words string) *process {
	p.Stdin = strings.NewReader(words)
	return p
}

// output has it write standard output into a new file, whose path is returned.
func (p *process) output(t testing.TB) (*process, string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	p.Stdout = f
	return p, f.Name()
}

// String says what ran and what it wrote, for failure messages.
func (p *process) String() string {
	state := "running"
	if p.ProcessState != nil {
		state = p.ProcessState.String()
	}
	return fmt.Sprintf("%s (%s)\nstdout: %s\nstderr: %s", strings.Join(p.Args, " "), state, p.stdout.end(), p.stderr.end())
}

// output collects what a running program writes and can be read meanwhile.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// end is the last of it.
func (o *output) end() string {
	const most = 800
	s := o.String()
	return s[max(0, len(s)-most):]
}

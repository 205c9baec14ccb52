package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"relay/test/harness"
)

type doctorDocument struct {
	Config   string
	Findings []struct{ Group, Check, Level, Value, Why, Mend string }
	Problems int
}

func examine(t *testing.T, args ...string) (doctorDocument, harness.Outcome) {
	t.Helper()
	out := harness.Run(t, append([]string{"doctor", "--json"}, args...)...)
	var d doctorDocument
	if err := json.Unmarshal([]byte(out.Stdout), &d); err != nil {
		t.Fatalf("exit %d: %v\n%s%s", out.Code, err, out.Stdout, out.Stderr)
	}
	return d, out
}

func TestDoctorFindsEverything(t *testing.T) {
	d, out := examine(t)
	if (d.Problems > 0) != (out.Code == 1) || out.Code > 1 {
		t.Errorf("exit %d with %d problems", out.Code, d.Problems)
	}
	checks := map[string]bool{}
	for _, f := range d.Findings {
		checks[f.Check] = true
		if f.Group == "" || f.Level == "" || f.Value == "" || f.Why == "" {
			t.Errorf("incomplete: %+v", f)
		}
		if (f.Level == "warning" || f.Level == "problem") && f.Mend == "" {
			t.Errorf("nothing mends it: %+v", f)
		}
	}
	for _, want := range []string{
		"release", "splice, socket to socket", "splice, file to socket", "splice, socket to file", "pages of a file",
		"pipe size", "pipes of a user, soft", "descriptors", "backlog", "local ports", "TIME_WAIT",
		"receive buffer", "send buffer", "congestion control", "MPTCP", "TCP fast open", "kTLS", "lo", "conntrack",
		"low ports", "transparent", "CAP_SYS_RESOURCE",
	} {
		if !checks[want] {
			t.Errorf("no check %q", want)
		}
	}
}

func TestDoctorHoldsTheMachineAgainstAConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "relay.toml")
	text := fmt.Sprintf(`
[engine]
sessions_max = 1000000000
[[drop]]
name = "here"
listen = ["127.0.0.1:0"]
directory = %q
`, dir)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	d, out := examine(t, "--config", file)
	if out.Code != 1 || d.Problems == 0 || d.Config != file {
		t.Errorf("exit %d, %d problems with %s", out.Code, d.Problems, d.Config)
	}
	levels := map[string]string{}
	for _, f := range d.Findings {
		levels[f.Check] = f.Level
	}
	if levels["descriptors"] != "problem" {
		t.Errorf("descriptors for a thousand million sessions: %q", levels["descriptors"])
	}
	if l := levels["here"]; l == "" || l == "problem" {
		t.Errorf("the drop is %q", l)
	}
}

func TestDoctorPrintsPlainly(t *testing.T) {
	out := harness.Run(t, "doctor")
	if strings.Contains(out.Stdout, "\x1b") || !strings.Contains(out.Stdout, "problems: ") {
		t.Errorf("exit %d\n%s", out.Code, out.Stdout)
	}
	if bad := harness.Run(t, "doctor", "--config", "/nowhere.toml"); bad.Code != 1 || !strings.Contains(bad.Stderr, "nowhere") {
		t.Errorf("exit %d: %s", bad.Code, bad.Stderr)
	}
}

// As nobody every check still has an answer, and so has a measurement.
func TestDoctorAndBenchUnprivileged(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become nobody; the other tests have run as this user")
	}
	const nobody = 65534
	run := func(args ...string) []byte {
		cmd := exec.Command(harness.Binary(), args...)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.Output()
		if e, failed := errors.AsType[*exec.ExitError](err); failed && e.ExitCode() != 1 {
			t.Errorf("%v: %v\n%s", args, err, e.Stderr)
		}
		return out
	}
	var d doctorDocument
	if err := json.Unmarshal(run("doctor", "--json"), &d); err != nil || len(d.Findings) < 20 {
		t.Errorf("%v, %d findings", err, len(d.Findings))
	}
	var b benchDocument
	out := run("bench", "--json", "--sizes", "1MB", "--chunks", "64KiB", "--streams", "1", "--rounds", "1")
	if err := json.Unmarshal(out, &b); err != nil || len(b.Failures) > 0 || len(b.Results) != 14 {
		t.Errorf("%v, %d results, %v", err, len(b.Results), b.Failures)
	}
}

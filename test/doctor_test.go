package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
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

// What a configuration names is looked at: files, programs, and addresses that somebody else has.
func TestDoctorLooksAtWhatIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string, mode os.FileMode) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	put("bad tokens", "alice read\n*  read  /  -\nbob nothing / -\n", 0o644)
	put("token", "relay_secret\n", 0o644)
	put("two tokens", "one\ntwo\n", 0o600)
	put("arrived", "#!/nowhere/python\n", 0o755)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	file := filepath.Join(dir, "relay.toml")
	text := fmt.Sprintf(`
[[drop]]
name = "in"
listen = ["127.0.0.1:0", %q, "unix:run/relay.sock", "systemd:in"]
directory = "."
write = true
tokens_file = "bad tokens"
on_arrival = [%q]
[[drop.forward]]
to = "http://127.0.0.1:9/"
token_file = "token"
[[drop.forward]]
to = "http://127.0.0.1:10/"
token_file = "two tokens"
[[drop]]
name = "none"
listen = ["127.0.0.1:0"]
directory = "."
tokens_file = "no tokens"
`, other.Addr(), filepath.Join(dir, "arrived"))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	d, out := examine(t, "--config", file)
	if out.Code != 1 {
		t.Errorf("exit %d", out.Code)
	}
	want := []struct{ check, level, value, mend string }{
		{"in: tokens_file", "problem", "line 1: has 2 words", "bad tokens"},
		{"in: tokens_file", "problem", "line 3: ", "bad tokens"},
		{"in: token_file", "warning", "mode 0644", "chmod o-r"},
		{"in: token_file", "problem", "holds no token", "two tokens"},
		{"in: on_arrival", "problem", "mode 0755", "/nowhere/python"},
		{"none: tokens_file", "problem", "there is no", "relay token new"},
		{"in", "problem", other.Addr().String() + " is taken by", "listen elsewhere"},
		{"in", "problem", "there is no " + filepath.Join(dir, "run"), "RuntimeDirectory"},
	}
	for _, w := range want {
		found := false
		for _, f := range d.Findings {
			found = found || f.Check == w.check && f.Level == w.level && strings.Contains(f.Value, w.value) && strings.Contains(f.Mend, w.mend)
		}
		if !found {
			t.Errorf("no finding %+v in %s", w, out.Stdout)
		}
	}
}

// A relay that runs has its addresses already.
func TestDoctorBesideARelay(t *testing.T) {
	t.Parallel()
	r := startDrop(t, func(c *harness.Config, d harness.Table) {
		d["listen"] = []string{"127.0.0.1:0", "unix:" + filepath.Join(harness.Directory(t), "s")}
	})
	text, err := os.ReadFile(r.File())
	if err != nil {
		t.Fatal(err)
	}
	address := r.Address(t, "files")
	file := filepath.Join(t.TempDir(), "relay.toml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "127.0.0.1:0", address, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	d, out := examine(t, "--config", file)
	n := 0
	for _, f := range d.Findings {
		if f.Group == "addresses" && f.Level == "ok" && strings.Contains(f.Value, fmt.Sprintf("relay's already (process %d)", r.PID)) {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d addresses are relay's, want 2: %s", n, out.Stdout)
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

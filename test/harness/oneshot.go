package harness

import (
	"bytes"
	"errors"
	"os/exec"
	"testing"
	"time"
)

// Outcome is what a run of the program to its end left.
type Outcome struct {
	Code           int
	Stdout, Stderr string
}

// Run runs the program with these arguments to its end.
func Run(t testing.TB, args ...string) Outcome {
	t.Helper()
	cmd := command(Options{}, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Dir = t.TempDir() // no relay.toml to pick up by chance
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(Patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !overdue.Stop() {
		t.Fatalf("%v did not end within %v\n%s", args, Patience, stderr.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return Outcome{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
}

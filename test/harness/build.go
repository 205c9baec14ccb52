package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Race reports whether the program under test is built with the race detector:
// with RELAY_RACE=1, and whenever the tests are. Such a program is several times
// slower and larger, so limits on CPU and memory are not asserted for it.
var Race = raceTests || os.Getenv("RELAY_RACE") == "1"

// Full reports whether the volumes of the release run were asked for.
var Full = os.Getenv("RELAY_FULL") == "1"

var binary string

// Binary is the path of the program under test.
func Binary() string { return binary }

// Main is the body of a suite's TestMain: it builds the program, runs the tests
// and returns the exit code.
func Main(m *testing.M) int {
	// The directory must be passable for the user that unprivileged runs use,
	// which MkdirTemp's 0700 is not.
	dir, err := os.MkdirTemp("", "relay-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := adoptOrphans(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build leaves the program in dir. It asks the Go tool every time: its cache
// knows best whether anything changed.
func build(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	binary = filepath.Join(dir, "relay")
	args := []string{"build", "-o", binary}
	if Race {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "relay/cmd/relay")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build relay/cmd/relay: %w\n%s", err, out)
	}
	return nil
}

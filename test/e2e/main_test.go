//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"

	"relay/test/harness"
)

// shared is a directory for what all tests read and none changes.
var shared string

func TestMain(m *testing.M) { os.Exit(suite(m)) }

func suite(m *testing.M) int {
	dir, err := os.MkdirTemp("", "relay-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared = dir
	return harness.Main(m)
}

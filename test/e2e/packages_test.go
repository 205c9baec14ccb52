//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestPackagesAreInstalled keeps .ci/run and the tests together: on a machine that has
// everything a missing package would not be noticed.
func TestPackagesAreInstalled(t *testing.T) {
	script, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(script))
	installed := map[string]bool{}
	for _, w := range words {
		installed[w] = true
	}
	for name, pkg := range packages {
		if !installed[pkg] && pkg != "dash" { // every Debian has that one
			t.Errorf(".ci/run does not install %s, which %s is in", pkg, name)
		}
	}
}

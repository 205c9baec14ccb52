//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// unescapedTwice is a name that wget asks for rightly and then saves as "percentA.txt".
const unescapedTwice = "percent%41.txt"

// TestWgetMirror follows the links of the listings, to every file, and once more, when
// there is nothing new to fetch.
func TestWgetMirror(t *testing.T) {
	dir := makeTree(t)
	d := startDrop(t, dir, "splice")
	d.bothWays(t, func(t *testing.T, url string) {
		options := []string{"--mirror", "--no-host-directories", "--no-verbose", "-e", "robots=off"}
		first := wget(t, append(options, url+"/")...)
		first.ok(t)
		wantTree(t, first.Dir, dir, unescapedTwice)

		second := wget(t, append(options, url+"/")...)
		second.Dir = first.Dir
		second.ok(t)
		wantTree(t, second.Dir, dir, unescapedTwice)
		if said := second.stderr.String(); strings.Contains(said, "random.bin") {
			t.Errorf("fetched again, though nothing changed:\n%s", said)
		}
	})
}

func TestWgetResumeFromDrop(t *testing.T) {
	d := startDrop(t, filepath.Dir(big(t)), "splice")
	d.bothWays(t, func(t *testing.T, url string) { resume(t, url+"/"+bigName) })
}

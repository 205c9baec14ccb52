//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRclone reads the listings with rclone's http backend, which knows no more of a
// server than its links, and copies the tree.
func TestRclone(t *testing.T) {
	dir := makeTree(t)
	d := startDrop(t, dir, "splice")
	d.bothWays(t, func(t *testing.T, url string) {
		remote := fmt.Sprintf(":http,url='%s':", url)
		wantListed(t, program(t, "rclone", "lsf", "-R", "--files-only", remote).ok(t), dir)
		got := filepath.Join(t.TempDir(), "copy")
		program(t, "rclone", "copy", remote, got).ok(t)
		wantTree(t, got, dir)
		// Its own opinion: every byte read again, and compared.
		program(t, "rclone", "check", "--download", remote, got).ok(t)
	})
}

// wantListed checks a listing with one name on each line.
func wantListed(t testing.TB, listing, dir string) {
	t.Helper()
	var want []string
	eachFile(t, dir, func(name string) { want = append(want, name) })
	got := strings.Split(strings.TrimSuffix(listing, "\n"), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("listed are\n%q\nwant\n%q", got, want)
	}
}

// TestRcloneLarge has rclone fetch a large file by several ranges at a time.
func TestRcloneLarge(t *testing.T) {
	d := startDrop(t, filepath.Dir(big(t)), "splice")
	got := filepath.Join(t.TempDir(), "got")
	program(t, "rclone", "copyto", "--multi-thread-cutoff", "10M", "--multi-thread-streams", "4",
		fmt.Sprintf(":http,url='%s':%s", d.through, bigName), got).ok(t)
	wantSame(t, got, big(t))
}

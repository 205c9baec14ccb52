//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCurlErrors has curl ask for what there is no answer to. It must get to see the
// status, not a reset, even when it is still sending.
func TestCurlErrors(t *testing.T) {
	d, dir, _ := smallDrop(t)
	upload := filepath.Join(t.TempDir(), "upload")
	if err := writeRandom(upload, 1_000_000); err != nil {
		t.Fatal(err)
	}
	url, long := "/ruler.txt", strings.Repeat("long", 20_000)
	for name, c := range map[string]struct {
		code int
		args []string
		path string
	}{
		"missing":          {404, nil, "/missing"},
		"file as a folder": {404, nil, url + "/x"},
		"no host":          {400, []string{"-H", "Host:"}, url},
		"delete":           {405, []string{"-X", "DELETE"}, url},
		"put":              {405, []string{"-T", upload}, "/new"},
		"put at once":      {405, []string{"-T", upload, "-H", "Expect:"}, "/new"},
		"post":             {405, []string{"--data-binary", "@" + upload}, url},
		"long name":        {414, nil, "/" + long},
		"long head":        {431, []string{"-H", "X-Long: " + long}, url},
	} {
		t.Run(name, func(t *testing.T) {
			d.bothWays(t, func(t *testing.T, base string) {
				got := ask(t, append(c.args, base+c.path)...)
				if got.code != c.code {
					t.Errorf("status %d, want %d", got.code, c.code)
				}
				if c.code == 405 && !strings.Contains(got.header.Get("Allow"), "GET") {
					t.Errorf("Allow is %q", got.header.Get("Allow"))
				}
			})
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("something was written")
	}
}

// TestCurlCannotLeave asks for a file beside the directory in every way curl can.
func TestCurlCannotLeave(t *testing.T) {
	parent := t.TempDir()
	secret := write(t, filepath.Join(parent, "secret"), "secret")
	dir := filepath.Join(parent, "served")
	write(t, filepath.Join(dir, "file"), "file")
	for link, target := range map[string]string{"out": "../secret", "absolute": secret, "up": ".."} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	d := startDrop(t, dir, "splice")
	for _, path := range []string{
		"/../secret", "/%2e%2e/secret", "/..%2fsecret", "/x/../../secret", "//../secret",
		"/out", "/absolute", "/up/secret", "/%00", "/" + secret, "/" + strings.ReplaceAll(secret, "/", "%2f"),
	} {
		got := ask(t, "--path-as-is", d.straight+path)
		if got.code < 400 || got.code > 404 || strings.Contains(got.body, "secret\n") {
			t.Errorf("%s: status %d, %q", path, got.code, got.body)
		}
	}
}

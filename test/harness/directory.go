package harness

import (
	"os"
	"path/filepath"
	"testing"
)

// Directory makes a directory in which any user may read and write, so that an
// unprivileged program can use it; t.TempDir is closed to others. Its path is short
// enough for a unix socket.
func Directory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(binary), "")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// WriteConfig writes text where any user can read it and returns the path.
func WriteConfig(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(Directory(t), "relay.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

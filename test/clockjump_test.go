package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// expireUploads has the time of all uploads beneath a directory be over, as if the clock
// had jumped while nobody served it.
func expireUploads(t testing.TB, dir string) {
	t.Helper()
	states, _ := filepath.Glob(filepath.Join(dir, ".relay-uploads", "*"))
	for _, path := range states {
		if strings.HasSuffix(path, ".told") { // a note of a file that was taken away
			if err := os.Chtimes(path, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var state map[string]any
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &state)
		}
		if err != nil {
			t.Fatal(err)
		}
		state["Expires"] = time.Unix(0, 0)
		if text, err = json.Marshal(state); err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// expireUploads has the time of all uploads beneath a directory be over, as if the clock
// had jumped while nobody served it.
func expireUploads(t testing.TB, dir string) {
	t.Helper()
	states, _ := filepath.Glob(filepath.Join(dir, ".relay-uploads", "*"))
	for _, path := range states {
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

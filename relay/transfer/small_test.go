package transfer

import "testing"

// Files that differ have ids that differ; one has the id that it had, also by a program
// that did not ask when it was made, if it was made before.
func TestIDsOfFiles(t *testing.T) {
	to, err := ParseURL("http://a/in/x")
	if err != nil {
		t.Fatal(err)
	}
	ids := IDs{Secret: "secret", Since: 100}
	old, first := Version{Ino: 1, Size: 2, Mtime: 3, Born: 99}, Version{Ino: 1, Size: 2, Mtime: 3, Born: 101}
	second := first
	second.Born++
	unknown := old
	unknown.Born = 0
	if got, want := ids.of(to, old, 0), ids.of(to, unknown, 0); got != want {
		t.Errorf("a file from before has the id %s, not %s", got, want)
	}
	seen := map[string]bool{ids.of(to, old, 0): true, ids.of(to, first, 0): true, ids.of(to, second, 0): true, ids.of(to, unknown, 1): true, ids.of(to, unknown, 2): true}
	if len(seen) != 5 {
		t.Errorf("five files have %d ids", len(seen))
	}
}

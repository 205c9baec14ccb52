package drop

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// A program that hands the path on to another gets one that means the same everywhere.
func TestOnArrivalPathIsAbsolute(t *testing.T) {
	a := NewArrivals(zerolog.Nop())
	defer a.Close()
	t.Chdir(t.TempDir())
	a.do(errand{drop: "in", file: "files/x", command: []string{"/bin/sh", "-c", `echo "$1 $RELAY_FILE" >said`, "-", "{path}"}, limit: time.Minute})
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(dir, "files/x")
	if said, err := os.ReadFile("said"); err != nil || string(said) != want+" "+want+"\n" {
		t.Errorf("the program was told %q, %v; want %s twice", said, err, want)
	}
}

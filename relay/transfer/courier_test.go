package transfer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A file that is not the one any more that is to be sent is not sent, whenever that turns
// out.
func TestOnlyWhatIsMeantIsCarried(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, inMemory + 1} {
		for good := range 2 {
			if size <= inMemory && good > 0 {
				continue // it is opened once
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "x")
			if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
				t.Fatal(err)
			}
			const nobody = "http://127.0.0.1:1/"
			c, err := NewCourier(context.Background(), nobody, IDs{}, Options{StateDir: filepath.Join(dir, "notes")})
			if err != nil {
				t.Fatal(err)
			}
			asked := 0
			_, err = c.Carry(Parcel{Path: path, Name: "x", Stands: func() bool { asked++; return asked <= good }})
			if !errors.Is(err, ErrOther) || asked != good+1 {
				t.Errorf("%d bytes, other after %d looks of %d: %v", size, good, asked, err)
			}
		}
	}
}

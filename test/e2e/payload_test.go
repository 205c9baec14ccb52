//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// The large file that everybody moves. Its size is no multiple of anything, and its
// bytes are random, so that no two places look alike.
const (
	bigName  = "big.bin"
	bigBytes = 200_000_000 + 12_345
)

var makeBig = sync.OnceValues(func() (string, error) {
	path := filepath.Join(shared, bigName)
	return path, writeRandom(path, bigBytes)
})

// big is the path of the large file.
func big(t testing.TB) string {
	t.Helper()
	path, err := makeBig()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// writeRandom makes a file of n bytes, the same ones every time.
func writeRandom(path string, n int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{'r', 'e', 'l', 'a', 'y'}), n)
	return err
}

// open opens a file for the rest of the test.
func open(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// wantSame fails the test unless both files hold the same bytes.
func wantSame(t testing.TB, got, want string) {
	t.Helper()
	g, w := open(t, got), open(t, want)
	if err := compare(g, w); err != nil {
		t.Errorf("%s is not as sent: %v", filepath.Base(got), err)
	}
}

// wantPart fails the test unless the file holds n bytes of the original, from this one.
func wantPart(t testing.TB, got, original string, from, n int64) {
	t.Helper()
	g, o := open(t, got), open(t, original)
	if err := compare(g, io.NewSectionReader(o, from, n)); err != nil {
		t.Errorf("%s is not bytes %d to %d of the original: %v", filepath.Base(got), from, from+n, err)
	}
}

// wantAnswer fails the test unless the file holds an HTTP answer whose body is the
// original.
func wantAnswer(t testing.TB, got, original string) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(open(t, got)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the answer is %s", answer.Status)
	}
	if err := compare(answer.Body, open(t, original)); err != nil {
		t.Errorf("the body is not as sent: %v", err)
	}
}

// compare says where two streams differ first.
func compare(got, want io.Reader) error {
	const step = 1 << 20
	g, w := bufio.NewReaderSize(got, step), bufio.NewReaderSize(want, step)
	a, b := make([]byte, step), make([]byte, step)
	for at := 0; ; at += step {
		n, errG := io.ReadFull(g, a)
		m, errW := io.ReadFull(w, b)
		if !bytes.Equal(a[:n], b[:m]) {
			return fmt.Errorf("%s", difference(at, a[:n], b[:m]))
		}
		if errW != nil || errG != nil {
			return nil // equal in length too, so both ended
		}
	}
}

func difference(at int, got, want []byte) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("byte %d is %#x, want %#x", at+i, got[i], want[i])
		}
	}
	return fmt.Sprintf("it ends at byte %d, the original at %d", at+len(got), at+len(want))
}

// read is a small file's content.
func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// write makes a file, and its directories, and returns the path.
func write(t testing.TB, path, content string) string {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(content), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

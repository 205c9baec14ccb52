package drop

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"relay/relay/drop/digest"
	"relay/relay/sock"
)

// growing is a file that a test fills, and all that is to be in it.
func growing(t *testing.T, size int) (fd int, content []byte) {
	t.Helper()
	fd, err := unix.Open(filepath.Join(t.TempDir(), "f"), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(os.NewSyscallError("open", err))
	}
	t.Cleanup(func() { sock.CloseFile(fd) })
	content = make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content) // never fails
	return fd, content
}

func write(t *testing.T, fd int, p []byte, at int) {
	t.Helper()
	for len(p) > 0 {
		n, errno := sock.WriteAt(fd, p, int64(at))
		if errno != 0 {
			t.Fatal(errno)
		}
		p, at = p[n:], at+n
	}
}

func wantSum(t *testing.T, tr *trail, fd int, content []byte, by digest.Algorithm) {
	t.Helper()
	sums, err := tr.end(fd, int64(len(content)))
	if err != nil || len(sums) != 1 {
		t.Fatal(sums, err)
	}
	h := by.New()
	h.Write(content)
	if want := (digest.Sum{By: by, Value: h.Sum(nil)}); !sums[0].Equal(want) {
		t.Errorf("%s, want %s", sums[0], want)
	}
}

func TestTrailBesideReadsWhatWasStored(t *testing.T) {
	fd, content := growing(t, 3<<20+5)
	tr := newTrail(digest.XXH3)
	beside := tr.beside(fd)
	for at, n := 0, 0; at < len(content); at += n {
		n = min(300<<10+1, len(content)-at)
		write(t, fd, content[at:at+n], at)
		beside(int64(at + n))
		if got := tr.at.Load(); got != int64(at+n) {
			t.Fatalf("%d bytes were read of %d", got, at+n)
		}
	}
	wantSum(t, tr, fd, content, digest.XXH3)
}

// A digest that is slower than the bytes come is not computed by who takes them.
func TestTrailBesideIsForQuickDigests(t *testing.T) {
	for _, by := range [][]digest.Algorithm{{digest.None}, {digest.SHA256}, {digest.XXH3, digest.SHA256}, {digest.SHA512}} {
		if newTrail(by...).beside(0) != nil {
			t.Errorf("%v would be computed on the way", by)
		}
	}
}

// Where an upload goes on that has come far before, the socket does not wait until all of
// that was read again.
func TestTrailBesideLeavesWhatIsFarBehind(t *testing.T) {
	fd, content := growing(t, trailClose+2<<20)
	write(t, fd, content, 0)
	tr := newTrail(digest.XXH3)
	beside := tr.beside(fd)
	beside(trailClose + 1)
	if got := tr.at.Load(); got != 0 {
		t.Fatalf("%d bytes were read", got)
	}
	tr.mark.Store(1 << 20)
	tr.catchUp(fd)
	beside(trailClose + 1)
	if got := tr.at.Load(); got != trailClose+1 {
		t.Fatalf("%d bytes were read after the rest", got)
	}
	wantSum(t, tr, fd, content, digest.XXH3)
}

// Both may read: each byte counts once.
func TestTrailBesideAndCatchUp(t *testing.T) {
	fd, content := growing(t, 6<<20)
	tr := newTrail(digest.XXH3)
	beside := tr.beside(fd)
	var marks sync.WaitGroup
	for at, n := 0, 0; at < len(content); at += n {
		n = min(200<<10, len(content)-at)
		write(t, fd, content[at:at+n], at)
		tr.mark.Store(int64(at + n))
		marks.Go(func() { tr.catchUp(fd) })
		beside(int64(at + n))
	}
	marks.Wait()
	if got := tr.at.Load(); got != int64(len(content)) {
		t.Errorf("%d bytes were read, want %d", got, len(content))
	}
	wantSum(t, tr, fd, content, digest.XXH3)
}

// After handOver the file is closed: whoever filled it reads nothing more, and the next
// trail goes on.
func TestTrailBesideAfterHandOver(t *testing.T) {
	fd, content := growing(t, 1<<20)
	write(t, fd, content, 0)
	tr := newTrail(digest.XXH3)
	beside := tr.beside(fd)
	beside(500_000)
	next := tr.handOver()
	beside(1 << 20)
	if got := tr.at.Load(); got != 500_000 {
		t.Errorf("%d bytes were read after it", got-500_000)
	}
	if got := next.at.Load(); got != 500_000 {
		t.Fatalf("the next one begins at %d", got)
	}
	next.beside(fd)(700_000)
	wantSum(t, next, fd, content, digest.XXH3)
}

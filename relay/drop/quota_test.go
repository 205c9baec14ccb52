package drop

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/drop/store"
	"relay/relay/sock"
)

// limited is a drop with a quota of 10 bytes, and its directory.
func limited(t *testing.T) (d *Drop, dir string) {
	t.Helper()
	dir = t.TempDir()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.Close(fd) })
	d = &Drop{dir: fd, store: store.New(fd, false), registry: &registry{}}
	d.limits.Quota = 10
	return d, dir
}

// What is counted again is set aside once, and not at all if it is refused then.
func TestPromiseCountsOnce(t *testing.T) {
	d, dir := limited(t)
	u := &d.registry.usage
	if err := d.promise(6); err != nil || u.promised != 6 { // nothing was ever counted
		t.Fatalf("%v, %d bytes are set aside, want 6", err, u.promised)
	}
	d.kept(6, 6)
	u.at = time.Now().Add(-time.Hour) // somebody has removed the file since
	if err := d.promise(7); err != nil || u.promised != 7 {
		t.Fatalf("%v, %d bytes are set aside, want 7", err, u.promised)
	}
	d.kept(7, 0)
	if err := os.WriteFile(filepath.Join(dir, "f"), make([]byte, 6), 0o600); err != nil {
		t.Fatal(err)
	}
	u.bytes, u.at = 6, time.Now().Add(-time.Hour)
	if err := d.promise(6); err != errQuota || u.promised != 0 {
		t.Fatalf("%v, %d bytes are set aside", err, u.promised)
	}
	if err := d.promise(4); err != nil || u.promised != 4 {
		t.Errorf("%v, %d bytes are set aside, want 4", err, u.promised)
	}
}

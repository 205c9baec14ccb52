package drop

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/drop/store"
	"relay/relay/flow"
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

// What an upload under way has put into its file is counted once, as promised, when the
// directory is counted again; and as the file's when the upload has ended.
func TestRecountBesideAnUpload(t *testing.T) {
	d, dir := limited(t)
	u := &d.registry.usage
	o := &ongoing{id: "0a"}
	d.registry.all = map[string]*ongoing{o.id: o}
	up := &upload{o: o, from: 1}
	if err := d.promise(6); err != nil {
		t.Fatal(err)
	}
	up.promised = 6
	if err := os.WriteFile(filepath.Join(dir, store.Reserved+o.id+".part"), make([]byte, 5), 0o600); err != nil { // one byte of which was there
		t.Fatal(err)
	}
	up.advance(&Conn{drop: d}, &flow.Target{Offset: 5})
	u.at = time.Now().Add(-time.Hour)
	if err := d.promise(5); err != errQuota || u.bytes != 1 {
		t.Fatalf("%v, %d bytes are counted, want 1", err, u.bytes)
	}
	if err := d.promise(3); err != nil {
		t.Fatalf("3 bytes beside 6 and 1 of 10: %v", err)
	}
	up.came = 4
	d.keptOf(up)
	if u.bytes != 5 || u.promised != 3 || o.came.Load() != 0 {
		t.Errorf("%d bytes are counted, and %d set aside", u.bytes, u.promised)
	}
}

// A file that is larger than what is free is refused also where the file system reserves
// nothing: it would keep all others out.
func TestMoreThanIsFree(t *testing.T) {
	d, _ := limited(t)
	d.limits.Quota = 0
	free, errno := sock.FreeSpace(d.dir)
	if errno != 0 {
		t.Fatal(errno)
	}
	if err := d.promise(2 * free); err != sock.Errno(unix.ENOSPC) {
		t.Errorf("twice what is free: %v", err)
	}
	if err := d.promise(free / 2); err != nil {
		t.Errorf("half of what is free: %v", err)
	}
}

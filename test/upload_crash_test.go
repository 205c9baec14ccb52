package test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/test/harness"
)

// A program that is killed at any moment leaves whole files only, every one that was
// acknowledged among them, and nothing hidden after the next start.
func TestUploadsAndKill(t *testing.T) {
	t.Parallel()
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	random := rand.New(rand.NewPCG(20, 26))
	r := startUploads(t, nil)
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	sent := map[string]map[[sha256.Size]byte]bool{} // by name
	for round := range rounds {
		var all sync.WaitGroup
		running := r // the next one is not theirs
		for i := range 4 {
			all.Go(func() {
				for n := 0; ; n++ {
					name := fmt.Sprintf("%d/%d/%d", round, i, n%5)
					body := bytesOf(uint64(round*1000+i*100+n), 1+(n*300_001)%3_000_000)
					mu.Lock()
					if sent[name] == nil {
						sent[name] = map[[sha256.Size]byte]bool{}
					}
					sent[name][sha256.Sum256(body)] = true
					mu.Unlock()
					c, err := running.tryClient("files")
					if err != nil {
						return
					}
					_, err = c.Write(append([]byte(put("/"+name, len(body))), body...))
					if err != nil {
						return
					}
					a, err := c.tryHear("PUT")
					c.Close()
					if err != nil {
						return
					}
					if a.StatusCode == 201 || a.StatusCode == 204 {
						mu.Lock()
						acknowledged[name] = true
						mu.Unlock()
					}
				}
			})
		}
		time.Sleep(time.Duration(50+random.IntN(300)) * time.Millisecond) // some moment
		r = r.killed(t)
		all.Wait()
		r.wantHidden(t, 0)
		for name := range acknowledged {
			if _, err := os.Stat(filepath.Join(r.dir, name)); err != nil {
				t.Fatalf("round %d: %s was acknowledged: %v", round, name, err)
			}
		}
		_ = filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, _ error) error {
			if name, _ := filepath.Rel(r.dir, path); !d.IsDir() && !strings.HasPrefix(name, ".relay-") {
				if got, _ := os.ReadFile(path); !sent[name][sha256.Sum256(got)] {
					t.Errorf("%s has %d bytes that nobody sent", name, len(got))
				}
			}
			return nil
		})
	}
}

// A full disk is 507, before the body where it is known before, and leaves nothing.
func TestUploadDiskFull(t *testing.T) {
	t.Parallel()
	dir := harness.MountMemory(t, "8m")
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["directory"] = dir }).in(dir)
	small := bytesOf(2, 1<<20)
	for range 3 {
		c := r.client(t)
		if status := c.announce(t, put("/large", 20<<20, "Expect: 100-continue")); status != 507 {
			t.Fatalf("more than there is: status %d", status)
		}
		r.wantReason(t, c, "/large", "no_space")
		c.Close()
		a := r.fillMeanwhile(t, "PUT", put("/large", 5<<20, "Expect: 100-continue"), 5<<20)
		if a.StatusCode != 507 || !a.Close {
			t.Fatalf("status %d, close %v: %s", a.StatusCode, a.Close, a.body)
		}
		r.send(t, "/small", small)
		r.wantTree(t, map[string][]byte{"small": small})
	}
	place := r.begin(t, "/resumable", 5<<20)
	if a := r.fillMeanwhile(t, "PATCH", patch(place, 0, 5<<20, "?1", "Expect: 100-continue"), 5<<20); a.StatusCode != 507 {
		t.Errorf("resumable: status %d", a.StatusCode)
	}
	harness.Eventually(t, "the end of the upload", func() (bool, any) {
		_, err := os.Stat(filepath.Join(r.dir, stateOf(place)))
		return os.IsNotExist(err), err
	})
	r.wantHidden(t, 0)
	r.wantTree(t, map[string][]byte{"small": small})
}

// fillMeanwhile sends a body of so many bytes, of which the head says that it waits to be let go
// on. Somebody else takes most of the disk in between, and gives it back when what had come is
// gone.
func (r *dropRig) fillMeanwhile(t testing.TB, method, head string, bytes int) answer {
	t.Helper()
	c := r.client(t)
	defer c.Close()
	c.say(t, head)
	if res := c.interim(t); res.StatusCode != 100 {
		t.Fatalf("status %d", res.StatusCode)
	}
	others := filepath.Join(r.dir, "of others")
	if err := os.WriteFile(others, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = c.Write(bytesOf(1, bytes)) }()
	a := c.hear(t, method)
	harness.Eventually(t, "what had come is gone", func() (bool, any) { // a worker closes it after the answer
		var disk unix.Statfs_t
		err := unix.Statfs(r.dir, &disk)
		return err == nil && disk.Bfree*uint64(disk.Bsize) > 2<<20, disk.Bfree
	})
	if err := os.Remove(others); err != nil {
		t.Fatal(err)
	}
	return a
}

// Quota and reserve refuse before the body.
func TestUploadQuota(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) {
		d["quota"] = "3MiB"
		if err := os.WriteFile(filepath.Join(d["directory"].(string), "there"), bytesOf(1, 1<<20), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	r.send(t, "/a", bytesOf(2, 1<<20)).want(t, 201, []byte{})
	c := r.client(t)
	c.say(t, put("/b", 2<<20, "Expect: 100-continue"))
	if a := c.hear(t, "PUT"); a.StatusCode != 507 {
		t.Errorf("beyond the quota: status %d", a.StatusCode)
	}
	r.send(t, "/b", bytesOf(3, 1<<20)).want(t, 201, []byte{})
	if a := r.send(t, "/c", []byte("c")); a.StatusCode != 507 {
		t.Errorf("the quota is spent: status %d", a.StatusCode)
	}
	r.wantTree(t, map[string][]byte{"there": bytesOf(1, 1<<20), "a": bytesOf(2, 1<<20), "b": bytesOf(3, 1<<20)})
	full := startUploads(t, func(_ *harness.Config, d harness.Table) { d["free_reserve"] = "1000000TiB" })
	if a := full.send(t, "/a", []byte("a")); a.StatusCode != 507 {
		t.Errorf("nothing may be taken: status %d", a.StatusCode)
	}
}

// A directory that cannot be written to is 403.
func TestUploadReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil, harness.Options{Unprivileged: true})
	if err := os.Chmod(r.dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if a := r.send(t, "/a", []byte("a")); a.StatusCode != 403 {
		t.Errorf("status %d: %s", a.StatusCode, a.body)
	}
	r.wantTree(t, nil)
}

// A program runs for each file that arrived; one that takes too long is killed with its
// children.
func TestOnArrival(t *testing.T) {
	t.Parallel()
	out := filepath.Join(harness.Directory(t), "out")
	r := startUploads(t, func(_ *harness.Config, d harness.Table) {
		d["on_arrival"] = []string{"/bin/sh", "-c", `echo "$1 $RELAY_DROP $RELAY_SIZE $(cat "$RELAY_FILE")" >> ` + out + `; case $1 in *slow) sleep 600;; esac`, "-", "{path}"}
		d["on_arrival_timeout"] = "1s"
	})
	r.send(t, "/d/a%20b", []byte("content")).want(t, 201, []byte{})
	harness.Eventually(t, "the program's word", func() (bool, any) {
		got, _ := os.ReadFile(out)
		return string(got) == filepath.Join(r.dir, "d/a b")+" files 7 content\n", string(got)
	})
	r.Line(t, "a line for the program", func(l harness.Line) bool { return l.Message == "on_arrival" && strings.Contains(l.Raw, "took_ms") })
	r.send(t, "/slow", []byte("x")).want(t, 201, []byte{})
	r.Line(t, "the end of the slow one", func(l harness.Line) bool {
		return l.Message == "on_arrival" && strings.Contains(l.Raw, "longer than on_arrival_timeout")
	})
}

// Files that are older than the ttl go, counted from when they arrived.
func TestTTL(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	r.send(t, "/old", []byte("x")).want(t, 201, []byte{})
	r.send(t, "/d/old", []byte("x")).want(t, 201, []byte{})
	time.Sleep(time.Second) // the files grow older than their ttl
	r.Signal(t, syscall.SIGKILL)
	r.Exit(t)
	dir := r.dir
	r = startUploads(t, func(_ *harness.Config, d harness.Table) { d["directory"], d["ttl"] = dir, "1s" }).in(dir)
	r.send(t, "/new", []byte("x"), "X-OC-Mtime: 5").want(t, 201, []byte{})
	r.Message(t, "old files were removed")
	r.wantTree(t, map[string][]byte{"new": []byte("x")})
}

package test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/test/harness"
	"relay/test/peer"
)

// A file that becomes shorter while it is sent ends in a reset: what came must not look
// whole.
func TestDropFileShrinks(t *testing.T) {
	t.Parallel()
	for _, transfer := range transfers {
		r := startDrop(t, func(_ *harness.Config, d harness.Table) { d["transfer"] = transfer })
		path := r.file(t, "a", bytesOf(1, 50<<20))
		c := r.client(t)
		c.say(t, get("/a"))
		res, err := http.ReadResponse(c.in, nil)
		if err != nil || res.ContentLength != 50<<20 {
			t.Fatal(err, res)
		}
		if err := os.Truncate(path, 40<<20); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		if !peer.IsReset(err) || len(got) >= 50<<20 {
			t.Errorf("%s: %d bytes, then %v, want a reset before the end", transfer, len(got), err)
		}
		r.wantReason(t, c, "/a", "file_changed")
		r.fetch(t, "/a").want(t, 200, bytesOf(1, 50<<20)[:40<<20])
	}
}

// A file that is replaced or removed while it is sent arrives as it was.
func TestDropFileIsReplaced(t *testing.T) {
	t.Parallel()
	r := startDrop(t, everyTransfer)
	old := bytesOf(1, 50<<20)
	for _, transfer := range transfers {
		path := r.file(t, "a", old)
		c := r.clientOf(t, transfer)
		c.say(t, get("/a"))
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		fresh := r.file(t, "b", []byte("fresh"))
		if err := os.Rename(fresh, path); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, old) {
			t.Errorf("%s: %d bytes, %v", transfer, len(got), err)
		}
	}
}

// Files whose pages were dropped from memory arrive whole, while others go on.
func TestDropColdFiles(t *testing.T) {
	t.Parallel()
	for _, transfer := range transfers {
		r := startDrop(t, func(c *harness.Config, d harness.Table) {
			d["transfer"] = transfer
			c.Engine["loops"] = 1
		})
		r.file(t, "warm", []byte("content"))
		body := bytesOf(1, 30<<20+1)
		for range 3 {
			chill(t, r.file(t, "cold", body))
			cold, warm := r.client(t), r.client(t)
			cold.say(t, get("/cold"))
			var all sync.WaitGroup
			all.Go(func() {
				for range 50 {
					if _, err := io.WriteString(warm.Conn, get("/warm")); err != nil {
						t.Error(err)
						return
					}
					if a, err := warm.tryHear("GET"); err != nil || a.StatusCode != 200 {
						t.Error(err)
						return
					}
				}
			})
			cold.hear(t, "GET").want(t, 200, body)
			all.Wait()
		}
	}
}

// chill writes a file's pages to its disk and drops them from memory.
func chill(t testing.TB, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}

// A disk that does not answer holds up nobody but those who read from it: one loop, and
// every kind of question to the disk is left without an answer in turn.
func TestDropDiskThatHangs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		op   uint32
	}{
		{"name", peer.SlowLookup}, {"open", peer.SlowOpen}, {"read", peer.SlowRead}, {"close", peer.SlowFlush},
	} {
		for _, beneath := range []string{"mounted", "mounted/sub"} { // the drop itself, and a place in it
			t.Run(c.name+"/"+beneath, func(t *testing.T) { hangs(t, c.op, beneath == "mounted") })
		}
	}
}

func hangs(t *testing.T, op uint32, root bool) {
	body := bytesOf(1, 3_000_001)
	var disk *peer.SlowDisk
	prefix := "/slow/"
	r := startDrop(t, func(c *harness.Config, d harness.Table) {
		dir := d["directory"].(string)
		at := filepath.Join(dir, "slow")
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if disk, err = peer.MountSlowDisk(at, "file", body); err != nil {
			t.Skipf("no file system of our own here: %v", err)
		}
		t.Cleanup(func() { disk.Close() })
		c.Engine["loops"] = 1
		c.Drops = nil
		for _, transfer := range transfers {
			c.Drops = append(c.Drops, harness.Table{"name": transfer, "listen": []string{"127.0.0.1:0"}, "directory": dir, "transfer": transfer})
			if root {
				c.Drops[len(c.Drops)-1]["directory"], prefix = at, "/"
			}
		}
		other := harness.Directory(t)
		if err := os.WriteFile(filepath.Join(other, "a"), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
		c.Drops = append(c.Drops, harness.Table{"name": "files", "listen": []string{"127.0.0.1:0"}, "directory": other})
	})
	t.Cleanup(func() { disk.Release(op) }) // before the program is asked to stop
	disk.Hold(op)
	var slow []*client
	for _, transfer := range transfers {
		c := r.clientOf(t, transfer)
		c.say(t, get(prefix+"file"))
		slow = append(slow, c)
	}
	harness.Eventually(t, "the disk is asked", func() (bool, any) {
		n := disk.Waiting(op)
		return n > 0, n
	})
	quick := r.clientOf(t, "files")
	for range 20 {
		start := time.Now()
		quick.fetch(t, "/a").want(t, 200, []byte("content"))
		within(t, "a request while a disk hangs", start, 0, time.Second)
	}
	gone := r.clientOf(t, "copy")
	gone.say(t, get(prefix+"file"))
	gone.Reset()
	r.Quiet(t)
	disk.Release(op)
	for _, c := range slow {
		c.hear(t, "GET").want(t, 200, body)
	}
	for _, c := range slow {
		c.fetch(t, prefix+"file").want(t, 200, body)
	}
}

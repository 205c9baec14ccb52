package test

import (
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"relay/test/harness"
)

// smallDisk mounts a file system of so many bytes for a test.
func smallDisk(t testing.TB, size string) (dir string, used func() int64) {
	t.Helper()
	dir = harness.MountMemory(t, size)
	return dir, func() int64 {
		var disk unix.Statfs_t
		if err := unix.Statfs(dir, &disk); err != nil {
			t.Fatal(err)
		}
		return int64(disk.Blocks-disk.Bfree) * disk.Bsize
	}
}

// halfOpenMost is how many uploads are begun and not ended.
func halfOpenMost() int {
	if testing.Short() {
		return 1000
	}
	return 10_000
}

// inTurn does something n times, some at a time.
func inTurn(n int, do func(worker, i int)) {
	const workers = 4
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < n; i += workers {
				do(w, i)
			}
		})
	}
	all.Wait()
}

// Of thousands that begin to send a file and never end, uploads_max may; what they cost
// is bounded, and gone when they are.
func TestHalfOpenUploads(t *testing.T) {
	t.Parallel()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	n := min(halfOpenMost(), int(limit.Cur)*2/5) // the program sets aside two descriptors for each connection
	most := n / 5
	const announced, sent, page = 16 << 10, 1 << 10, 4 << 10
	dir, used := smallDisk(t, "64m")
	r := startUploads(t, func(_ *harness.Config, d harness.Table) {
		d["directory"], d["uploads_max"], d["body_timeout"] = dir, most, "5m"
	}).in(dir)
	r.send(t, "/before", []byte("x")).want(t, 201, []byte{})
	before := r.AnonBytes(t)
	clients := make([]*client, n)
	var taken, refused atomic.Int64
	inTurn(n, func(_, i int) {
		c, err := r.tryClient("files")
		if err != nil {
			t.Error(err)
			return
		}
		clients[i] = c
		_, _ = c.Write([]byte(put(fmt.Sprintf("/%d", i), announced, "Expect: 100-continue")))
		switch res, err := http.ReadResponse(c.in, nil); {
		case err != nil:
			t.Error(err)
		case res.StatusCode == 100:
			taken.Add(1)
			_, _ = c.Write(make([]byte, sent))
		case res.StatusCode == 503:
			refused.Add(1)
		default:
			t.Errorf("status %d", res.StatusCode)
		}
	})
	// Every loop may let the last one in.
	if got := int(taken.Load()); got < most || got > most+runtime.NumCPU()-1 || int(refused.Load()) != n-got {
		t.Errorf("%d of %d were taken and %d refused, with uploads_max = %d", got, n, refused.Load(), most)
	}
	memory, disk := r.AnonBytes(t)-before, used()
	t.Logf("%d half-open: %d KiB of memory, %d KiB of disk", n, memory>>10, disk>>10)
	if memory > n*4<<10 && !harness.Race {
		t.Errorf("memory has grown by %d bytes", memory)
	}
	if disk > int64(most+1+runtime.NumCPU())*page {
		t.Errorf("%d bytes of disk are used", disk)
	}
	for _, c := range clients {
		if c != nil {
			c.Close()
		}
	}
	harness.Eventually(t, "the disk is free", func() (bool, any) { return used() <= page, used() })
	harness.Eventually(t, "a file is taken again", func() (bool, any) {
		status := r.send(t, "/after", []byte("y")).StatusCode
		return status == 201 || status == 204, status
	})
	r.wantTree(t, map[string][]byte{"before": []byte("x"), "after": []byte("y")})
}

// Thousands of resumable uploads that nobody goes on with cost little, and go when their
// time is over.
func TestHalfOpenResumable(t *testing.T) {
	t.Parallel()
	n := halfOpenMost()
	const page = 4 << 10
	dir, used := smallDisk(t, "128m")
	on := func(_ *harness.Config, d harness.Table) { d["directory"] = dir }
	r := startUploads(t, on).in(dir)
	before := r.AnonBytes(t)
	var conns [4]*client
	for i := range conns {
		conns[i] = r.client(t)
	}
	inTurn(n, func(worker, i int) {
		c := conns[worker]
		_, _ = c.Write([]byte(ask("POST", fmt.Sprintf("/d/%d", i), "Upload-Complete: ?0", "Upload-Length: 1000000", "Content-Length: 0")))
		if a, err := c.tryHear("POST"); err != nil || a.StatusCode != 201 {
			t.Errorf("%d: %v", i, err)
		}
	})
	memory, disk := r.AnonBytes(t)-before, used()
	t.Logf("%d uploads: %d KiB of memory, %d KiB of disk", n, memory>>10, disk>>10)
	if memory > n*6<<10 && !harness.Race {
		t.Errorf("memory has grown by %d bytes", memory)
	}
	if disk > int64(n+10)*page {
		t.Errorf("%d bytes of disk are used", disk)
	}
	r.Stop(t)
	expireUploads(t, dir)
	r = startUploads(t, on).in(dir)
	if l := r.Message(t, "uploads expired"); l.Field("uploads") != float64(n) {
		t.Error(l.Raw)
	}
	r.wantHidden(t, 0)
	r.send(t, "/after", []byte("y")).want(t, 201, []byte{})
	r.wantTree(t, map[string][]byte{"after": []byte("y")})
}

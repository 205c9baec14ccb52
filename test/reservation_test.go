package test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"relay/test/harness"
)

// announce sends the head of a request with a body, and returns what is said before that:
// 100, or a refusal.
func (c *client) announce(t testing.TB, head string) int {
	t.Helper()
	c.say(t, head)
	return c.hear(t, "PUT").StatusCode
}

// held is how many bytes of the disk the drop's own files take.
func (r *dropRig) held(t testing.TB) (bytes int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(r.dir, ".relay-*.part"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		var st unix.Stat_t
		if err := unix.Stat(name, &st); err == nil {
			bytes += st.Blocks * 512
		}
	}
	return bytes
}

// Whoever announces more than there is room for gets none of it, and what is announced
// takes nothing from others any more when its connection has ended: a file with it, and an
// upload that rests until somebody goes on with it.
func TestReservationsKeepToTheQuota(t *testing.T) {
	t.Parallel()
	const large, small = 60 * mib, mib
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["quota"] = "100MiB" })
	var places []string
	for i := range 20 {
		places = append(places, r.begin(t, fmt.Sprintf("/%d", i), large))
	}
	harness.Eventually(t, "uploads that rest hold nothing", func() (bool, any) {
		held := r.held(t)
		return held < 2*mib, held
	})

	first := r.client(t)
	if status := first.announce(t, patch(places[0], 0, large, "?1", "Expect: 100-continue")); status != 100 {
		t.Fatalf("the first: status %d", status)
	}
	for _, head := range []string{
		patch(places[1], 0, large, "?1", "Expect: 100-continue"), put("/x", large, "Expect: 100-continue"),
		ask("POST", "/y", "Upload-Complete: ?0", fmt.Sprintf("Upload-Length: %d", large), "Content-Length: 0"),
	} {
		c := r.client(t)
		if status := c.announce(t, head); status != 507 {
			t.Errorf("beside it: status %d for %.20q", status, head)
		}
		c.Close()
	}
	if held := r.held(t); held > large+2*mib {
		t.Errorf("%d bytes are held", held)
	}
	if a := r.send(t, "/small", bytesOf(1, small)); a.StatusCode != 201 {
		t.Errorf("what fits: status %d", a.StatusCode)
	}
	first.Close()
	r.logged(t, first, places[0])
	next := r.client(t)
	if status := next.announce(t, patch(places[1], 0, large, "?1", "Expect: 100-continue")); status != 100 {
		t.Errorf("after it: status %d", status)
	}
}

// Nor does it when relay was killed: what was announced is given back at the next start, and
// who comes back goes on from what had come.
func TestReservationsEndWithAKill(t *testing.T) {
	t.Parallel()
	const large, came = 60 * mib, 3 * mib
	r := startUploads(t, nil)
	content := bytesOf(1, large)
	place := r.begin(t, "/a", large)
	c := r.client(t)
	if status := c.announce(t, patch(place, 0, large, "?1", "Expect: 100-continue")); status != 100 {
		t.Fatalf("status %d", status)
	}
	if _, err := c.Write(content[:came]); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "it has come, and the rest is held", func() (bool, any) {
		names, err := filepath.Glob(filepath.Join(r.dir, ".relay-*.part"))
		if err != nil || len(names) != 1 {
			return false, names
		}
		info, err := os.Stat(names[0])
		return err == nil && info.Size() == came && r.held(t) >= large, r.held(t)
	})
	r = r.killed(t)
	harness.Eventually(t, "nothing is held but what has come", func() (bool, any) {
		held := r.held(t)
		return held < came+mib, held
	})
	if offset, _ := r.offset(t, place); offset != came {
		t.Errorf("%d bytes are there, %d had come", offset, came)
	}
	if a := r.append(t, place, came, content[came:], "?1"); a.StatusCode != 201 {
		t.Errorf("status %d", a.StatusCode)
	}
	r.fetch(t, "/a").want(t, 200, content)
}

// Nor do bodies in chunks, of which nobody knows how long they will be, take more together
// than there is room for: not beside each other, and not where they go on with an upload.
func TestChunksKeepToTheQuota(t *testing.T) {
	t.Parallel()
	const each, many = 12 * mib, 5
	limited := func(_ *harness.Config, d harness.Table) { d["quota"] = "20MiB" }
	put, patched := startUploads(t, limited), startUploads(t, limited)
	var puts, patches []string
	for i := range many {
		puts = append(puts, ask("PUT", fmt.Sprintf("/%d", i), chunked))
		patches = append(patches, ask("PATCH", patched.begin(t, fmt.Sprintf("/%d", i), each), interop, chunked,
			"Upload-Offset: 0", "Upload-Complete: ?1", "Content-Type: application/partial-upload"))
	}
	if taken := put.together(t, puts, inChunks(bytesOf(1, each), mib)); taken > 1 {
		t.Errorf("%d files of %d bytes were taken", taken, each)
	}
	if taken := patched.together(t, patches, inChunks(bytesOf(1, each), mib)); taken != 1 {
		t.Errorf("%d uploads of %d bytes were completed", taken, each)
	}
}

// together sends heads, then to each the same body, and says how many were taken; the others
// are refused for want of room.
func (r *dropRig) together(t testing.TB, heads []string, body []byte) (taken int) {
	t.Helper()
	all := make([]*client, len(heads))
	for i, head := range heads {
		all[i] = r.client(t)
		all[i].say(t, head)
	}
	for _, c := range all {
		go func() { _, _ = c.Write(body) }() // an early answer may leave it unread
	}
	for _, c := range all {
		switch a := c.hear(t, "PUT"); a.StatusCode {
		case 201:
			taken++
		case 507:
		default:
			t.Errorf("status %d: %s", a.StatusCode, a.body)
		}
		c.Close()
	}
	return taken
}

// Of a disk without a quota announcements take nine tenths together, whoever makes them.
func TestReservationsLeaveSomeOfTheDisk(t *testing.T) {
	t.Parallel()
	dir := harness.MountFile(t, 128*mib, "mkfs.ext4", "-q")
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["directory"] = dir }).in(dir)
	free := func() int64 {
		var disk unix.Statfs_t
		if err := unix.Statfs(dir, &disk); err != nil {
			t.Fatal(err)
		}
		return int64(disk.Bavail) * disk.Bsize
	}
	before := free()
	const each, many = 16 * mib, 40
	taken := 0
	var all []*client
	for i := range many {
		c := r.client(t)
		switch status := c.announce(t, put(fmt.Sprintf("/%d", i), each, "Expect: 100-continue")); status {
		case 100:
			taken++
			all = append(all, c)
		case 507:
			c.Close()
		default:
			t.Fatalf("status %d", status)
		}
	}
	if total := int64(taken) * each; total == 0 || total > before/10*9 || free() < before/20 {
		t.Errorf("%d of %d announcements were taken, of %d bytes in all, with %d free; %d are left", taken, many, total, before, free())
	}
	if a := r.send(t, "/small", bytesOf(1, mib)); a.StatusCode != 201 {
		t.Errorf("what fits: status %d", a.StatusCode)
	}
	for i := range many { // one after the other, each may have what there is
		r.begin(t, fmt.Sprintf("/part/%d", i), mib)
	}
	for _, c := range all {
		c.Close()
	}
	harness.Eventually(t, "all of the disk is back", func() (bool, any) { return free() > before-4*mib, free() })
}

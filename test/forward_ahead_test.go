package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// hop is a drop "out" that forwards to another, as far as a test needs both.
type hop struct {
	forwarding
	*harness.Relay
	next   *dropRig
	config *harness.Config
}

func startHop(t testing.TB, next *dropRig, edit func(drop, forward harness.Table)) *hop {
	t.Helper()
	h := &hop{next: next, forwarding: forwarding{
		dir: harness.Directory(t), listen: []string{"127.0.0.1:0"}, to: []string{"http://" + next.Address(t, "files") + "/"},
	}}
	h.edit = func(d harness.Table, forwards []harness.Table) {
		d["idle_timeout"] = "1h" // what is slow here is meant to be
		d["body_rate_min"] = 0
		if edit != nil {
			edit(d, forwards[0])
		}
	}
	h.config = h.forwarding.config(t)
	h.Relay = harness.Start(t, h.config)
	return h
}

// client is a connection to the hop.
func (h *hop) client(t testing.TB) *client {
	t.Helper()
	c := (&dropRig{Relay: h.Relay}).clientOf(t, "out")
	t.Cleanup(func() { c.Close() })
	return c
}

// began puts the head and the first part of a file, and waits until the next drop has
// bytes of it; the rest is the caller's to send.
func (h *hop) began(t testing.TB, name string, body []byte, first int, fields ...string) *client {
	t.Helper()
	c := h.client(t)
	c.say(t, put("/"+name, len(body), fields...))
	if _, err := c.Write(body[:first]); err != nil {
		t.Fatal(err)
	}
	h.wantAhead(t, first/2)
	return c
}

// wantAhead waits until the next drop has so many bytes of a file that nobody sees.
func (h *hop) wantAhead(t testing.TB, least int) {
	t.Helper()
	harness.Eventually(t, "the next drop has bytes of it", func() (bool, any) {
		n, seen := hiddenBytes(h.next.dir), snapshotFiles(h.next.dir)
		return n >= int64(least) && len(seen) == 0, fmt.Sprintf("%d bytes, %v is seen", n, seen)
	})
}

// wantForgotten waits until the next drop has nothing of what did not arrive.
func (h *hop) wantForgotten(t testing.TB) {
	t.Helper()
	harness.Eventually(t, "the next drop has forgotten it", func() (bool, any) {
		n, seen := hiddenBytes(h.next.dir), snapshotFiles(h.next.dir)
		notes, err := filepath.Glob(filepath.Join(h.dir, ".relay-forward", "uploads", "*"))
		return n == 0 && len(seen) == 0 && len(notes) == 0 && err == nil,
			fmt.Sprintf("%d bytes, %v is seen, there are the notes %v, %v", n, seen, notes, err)
	})
}

// hiddenBytes is how much is on the disk of uploads that nobody sees. Space that was only
// reserved does not count: a size does.
func hiddenBytes(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && strings.HasPrefix(e.Name(), ".relay-") && strings.HasSuffix(path, ".part") {
			if info, err := e.Info(); err == nil {
				n += max(info.Size(), 1)
			}
		}
		return nil
	})
	return n
}

const aheadSize = 24 << 20

// A file goes on while it arrives, and is seen at the next drop only when it has been seen
// here; with its digest, in whatever way it comes.
func TestForwardAhead(t *testing.T) {
	t.Parallel()
	h := startHop(t, startDrop(t, writable), nil)
	body := bytesOf(5, aheadSize)
	c := h.began(t, "sub/big", body, aheadSize/2)
	if seen := snapshotFiles(h.dir); len(seen) != 0 {
		t.Errorf("there is %v already", seen)
	}
	h.wantArriving(t, "sub/big")
	if _, err := c.Write(body[aheadSize/2:]); err != nil {
		t.Fatal(err)
	}
	c.hear(t, "PUT").want(t, 201, []byte{})
	eventuallySame(t, h.next.dir, h.dir)
	h.wantSentAhead(t, "sub/big", true)

	from := filepath.Join(t.TempDir(), "sent")
	plantFile(t, from, bytesOf(6, aheadSize), 0o640, timeOf(7))
	transferAll(t, "send", stateFlag(t), "--limit-rate", "30MiB", from, "http://"+h.Address(t, "out")+"/")
	eventuallySame(t, h.next.dir, h.dir)
	h.wantSentAhead(t, "sent", true)

	c.say(t, copyOf("/sent", "/copied"))
	c.hear(t, "COPY").want(t, 201, []byte{})
	eventuallySame(t, h.next.dir, h.dir)
	for _, name := range []string{"sub/big", "sent", "copied"} {
		wantArrivedOnce(t, h.next.Relay, name)
	}
	wantNoParts(t, h.next.dir)
}

// wantArriving has the queue list a file, and only that, as one that is sent while it arrives.
func (h *hop) wantArriving(t testing.TB, name string) {
	t.Helper()
	var items []struct {
		Path, To, State string
		Size            int64
	}
	list := queue(t, h.config, "list", "--json")
	if err := json.Unmarshal([]byte(list), &items); err != nil || len(items) != 1 ||
		items[0].Path != name || items[0].State != "arriving" || items[0].Size != aheadSize || items[0].To != h.to[0] {
		t.Errorf("the queue is %+v, %v, %s", items, err, list)
	}
}

// wantSentAhead waits until a file was forwarded, while it arrived or not.
func (h *hop) wantSentAhead(t testing.TB, name string, ahead bool) {
	t.Helper()
	l := h.Line(t, name+" is forwarded", func(l harness.Line) bool { return l.Message == "forwarded" && l.Field("file") == name })
	if l.Field("ahead") != ahead {
		t.Errorf("%s was forwarded: %s", name, l.Raw)
	}
}

// What does not arrive here is not at the next drop, and nothing of it stays there.
func TestForwardAheadOfNothing(t *testing.T) {
	t.Parallel()
	h := startHop(t, startDrop(t, writable), nil)
	body := bytesOf(5, aheadSize)
	wrong := sha256.Sum256([]byte("something else"))
	c := h.began(t, "damaged", body, aheadSize/2, "Repr-Digest: sha-256=:"+base64.StdEncoding.EncodeToString(wrong[:])+":")
	if _, err := c.Write(body[aheadSize/2:]); err != nil {
		t.Fatal(err)
	}
	if a := c.hear(t, "PUT"); a.StatusCode != 400 {
		t.Errorf("status %d", a.StatusCode)
	}
	h.wantForgotten(t)

	h.began(t, "cut", body, aheadSize/2).Close()
	h.wantForgotten(t)

	// The name is taken by another meanwhile: that goes, and then the other.
	c = h.began(t, "twice", body, aheadSize/2)
	h.client(t).send(t, "/twice", []byte("small")).want(t, 201, []byte{})
	h.wantSentAhead(t, "twice", false)
	if _, err := c.Write(body[aheadSize/2:]); err != nil {
		t.Fatal(err)
	}
	if a := c.hear(t, "PUT"); a.StatusCode != 204 {
		t.Errorf("status %d", a.StatusCode)
	}
	eventuallySame(t, h.next.dir, h.dir)
	wantNoParts(t, h.next.dir)
}

// Patterns, markers and the number of files at a time hold for what is sent ahead.
func TestForwardAheadConditions(t *testing.T) {
	t.Parallel()
	body := bytesOf(5, aheadSize)
	h := startHop(t, startDrop(t, writable), func(d, forward harness.Table) {
		forward["ignore"], forward["parallel"] = []string{"*.tmp"}, 2
	})
	ignored := h.client(t)
	ignored.say(t, put("/a.tmp", len(body)))
	if _, err := ignored.Write(body[:aheadSize/2]); err != nil {
		t.Fatal(err)
	}
	first := h.began(t, "first", body, aheadSize/2) // one courier is left for what is there
	before := hiddenBytes(h.next.dir)
	second := h.client(t)
	second.say(t, put("/second", len(body)))
	if _, err := second.Write(body[:aheadSize/2]); err != nil {
		t.Fatal(err)
	}
	h.client(t).send(t, "/small", []byte("small")).want(t, 201, []byte{})
	h.wantSentAhead(t, "small", false)
	if now := hiddenBytes(h.next.dir); now > before+aheadSize/2 {
		t.Errorf("the next drop has %d bytes of what arrives, had %d", now, before)
	}
	for c, name := range map[*client]string{first: "first", second: "second", ignored: "a.tmp"} {
		if _, err := c.Write(body[aheadSize/2:]); err != nil {
			t.Fatal(err)
		}
		c.hear(t, "PUT").want(t, 201, []byte{})
		if name != "a.tmp" {
			h.wantSentAhead(t, name, name == "first")
		}
	}
	if got := snapshotFiles(h.next.dir); len(got) != 3 || got["a.tmp"] != "" {
		t.Errorf("the next drop has %v", got)
	}
}

// A program that is killed in the middle has the next drop forget what it began, and what
// is sent again, or goes on, arrives there once.
func TestForwardAheadAndKill(t *testing.T) {
	t.Parallel()
	h := startHop(t, startDrop(t, writable), nil)
	body := bytesOf(5, aheadSize)
	h.began(t, "put", body, aheadSize/2)
	h.killed(t)
	h.wantForgotten(t)
	h.client(t).send(t, "/put", body).want(t, 201, []byte{})
	eventuallySame(t, h.next.dir, h.dir)

	from, state := filepath.Join(t.TempDir(), "sent"), stateFlag(t)
	plantFile(t, from, body, 0o640, timeOf(7))
	gate := gateTo(t, h.Address(t, "out"))
	s := begin(t, "send", state, "--limit-rate", "20MiB", from, "http://"+gate.Address+"/")
	h.wantMore(t, aheadSize/4)
	h.killed(t)
	gate.Target(h.Address(t, "out"))
	if code := s.wait(t); code != 0 {
		t.Fatalf("exit code %d\n%s", code, s.said())
	}
	eventuallySame(t, h.next.dir, h.dir)
	for _, name := range []string{"put", "sent"} {
		wantArrivedOnce(t, h.next.Relay, name)
	}
	wantNoParts(t, h.next.dir)
}

// wantMore is wantAhead while files that are whole are there already.
func (h *hop) wantMore(t testing.TB, least int) {
	t.Helper()
	harness.Eventually(t, "the next drop has bytes of it", func() (bool, any) {
		n := hiddenBytes(h.next.dir)
		return n >= int64(least), n
	})
}

// killed ends the hop at once, and starts it anew.
func (h *hop) killed(t testing.TB) {
	t.Helper()
	h.Signal(t, syscall.SIGKILL)
	h.Exit(t)
	h.Relay = harness.Start(t, h.config)
}

// gateTo is a network without faults, whose other end can change.
func gateTo(t testing.TB, target string) *peer.Fault { return flaky(t, target, 0, 0, 1) }

// The next drop is killed in the middle: it has what it had, or gets all of it again, once.
func TestForwardAheadToTheKilled(t *testing.T) {
	t.Parallel()
	next := startDrop(t, writable)
	gate := gateTo(t, next.Address(t, "files"))
	h := startHop(t, next, func(_, forward harness.Table) { forward["to"] = "http://" + gate.Address + "/" })
	body := bytesOf(5, aheadSize)
	c := h.began(t, "big", body, aheadSize/2)
	h.next = next.killed(t)
	gate.Target(h.next.Address(t, "files"))
	if _, err := c.Write(body[aheadSize/2:]); err != nil {
		t.Fatal(err)
	}
	c.hear(t, "PUT").want(t, 201, []byte{})
	eventuallySame(t, h.next.dir, h.dir)
	if got, err := os.ReadFile(filepath.Join(h.next.dir, "big")); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	harness.Eventually(t, "no part", func() (bool, any) { n := hiddenBytes(h.next.dir); return n == 0, n })
}

func timeOf(seconds int64) time.Time { return time.Unix(seconds, 0) }

// A source that is slower than the next drop takes from others does not end what goes there
// on its behalf.
func TestForwardAheadOfTheSlow(t *testing.T) {
	t.Parallel()
	next := startDrop(t, func(c *harness.Config, d harness.Table) {
		writable(c, d)
		d["body_timeout"], d["body_rate_min"] = "500ms", "1MiB"
	})
	h := startHop(t, next, nil)
	body := bytesOf(5, aheadSize)
	c := h.began(t, "slow", body, aheadSize/3)
	for at := aheadSize / 3; at < aheadSize; at += aheadSize / 3 {
		if at == aheadSize/3 {
			next.Line(t, "a request that is too slow", func(l harness.Line) bool { return l.Field("reason") == "body_timeout" })
		}
		if _, err := c.Write(body[at:min(at+aheadSize/3, aheadSize)]); err != nil {
			t.Fatal(err)
		}
		if at+aheadSize/3 < aheadSize {
			h.wantAhead(t, at)
		}
	}
	c.hear(t, "PUT").want(t, 201, []byte{})
	eventuallySame(t, next.dir, h.dir)
	h.wantSentAhead(t, "slow", true)
	wantArrivedOnce(t, next.Relay, "slow")
}

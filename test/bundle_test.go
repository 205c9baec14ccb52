package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// Many small files in one request.

const bundleType = "Content-Type: application/x-relay-files"

// bundled is a line of a bundle and the content behind it; rest is what follows the size.
func bundled(path, rest string, content []byte) string {
	return fmt.Sprintf("%s %d %s\n%s", path, len(content), rest, content)
}

// plainly is a file of which nothing is said.
func plainly(path, content string) string { return bundled(path, "- - - -", []byte(content)) }

// deliver sends a bundle to a path, and returns the statuses that its files got.
func (c *client) deliver(t testing.TB, to, body string, fields ...string) []string {
	t.Helper()
	c.say(t, ask("POST", to, append(fields, bundleType, fmt.Sprintf("Content-Length: %d", len(body)))...)+body)
	return c.delivered(t)
}

// delivered are the statuses that the files of a bundle got.
func (c *client) delivered(t testing.TB) []string {
	t.Helper()
	a := c.hear(t, "POST")
	if a.StatusCode != 200 {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	var all []string
	for line := range strings.Lines(string(a.body)) {
		status, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		all = append(all, status)
	}
	return all
}

// Each file of a bundle is judged for itself, as if it had been put.
func TestBundle(t *testing.T) {
	t.Parallel()
	for _, durability := range []string{"fsync", "none"} {
		r := startUploads(t, func(_ *harness.Config, d harness.Table) {
			d["durability"], d["file_size_max"] = durability, "20KiB"
		})
		r.file(t, "old", []byte("old"))
		r.file(t, "dir/in", nil)
		if err := os.Symlink(t.TempDir(), filepath.Join(r.dir, "away")); err != nil {
			t.Fatal(err)
		}
		id := strings.Repeat("0b", 16)
		sum := sha256.Sum256([]byte("right"))
		digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
		large := bytesOf(1, 20<<10)
		files := []struct{ text, status string }{
			{plainly("sub/new", "new"), "201"},
			{plainly("old", "fresh"), "204"},
			{plainly("empty", ""), "201"},
			{bundled("large", "- - - -", large), "201"},
			{bundled("larger", "- - - -", append(large, 0)), "413"},
			{bundled("timed%20so", "86400.25 0640 - -", []byte("x")), "201"},
			{bundled("late", "x - - -", nil), "400"},
			{bundled("mode", "- 99 - -", nil), "400"},
			{bundled("id", "- - 0b -", nil), "400"},
			{bundled("right", "- - - "+digest, []byte("right")), "201"},
			{bundled("wrong", "- - - "+digest, []byte("wrong")), "400"},
			{bundled("known", "- - "+id+" -", []byte("known")), "201"},
			{bundled("known", "- - "+id+" -", []byte("known")), "201"},
			{bundled("known", "- - "+id+" -", []byte("other")), "201"}, // without a digest one of the same size is the same
			{bundled("known", "- - "+id+" -", []byte("longer")), "409"},
			{plainly("sub/", "x"), "409"},
			{plainly("dir", "x"), "409"},
			{plainly("old/x", "x"), "409"},
			{plainly(".relay-x", "x"), "403"},
			{plainly("a/%2e%2e/x", "x"), "400"},
			{plainly("%zz", "x"), "400"},
			{plainly("/x", "x"), "400"},
			{plainly("x?y", "x"), "400"},
			{plainly("-", "dash"), "201"},
			{plainly(strings.Repeat("d/", 33)+"x", "x"), "400"},
			{plainly("away/x", "x"), "403"},
			{plainly("last", "\n"), "201"},
		}
		c := r.client(t)
		var body strings.Builder
		var want []string
		for _, f := range files {
			body.WriteString(f.text)
			want = append(want, f.status)
		}
		if got := c.deliver(t, "/", body.String()); !slices.Equal(got, want) {
			t.Errorf("%s: the files got %v, want %v", durability, got, want)
		}
		c.fetch(t, "/timed%20so").want(t, 200, []byte("x")) // the connection goes on
		if info, err := os.Stat(filepath.Join(r.dir, "timed so")); err != nil || info.Mode() != 0o640 || !info.ModTime().Equal(time.Unix(86400, 250_000_000)) {
			t.Errorf("%v, %v", info, err)
		}
		if err := os.Remove(filepath.Join(r.dir, "away")); err != nil {
			t.Fatal(err)
		}
		r.wantTree(t, map[string][]byte{
			"sub/new": []byte("new"), "old": []byte("fresh"), "empty": {}, "large": large, "timed so": []byte("x"), "dir/in": {},
			"right": []byte("right"), "known": []byte("known"), "last": []byte("\n"), "-": []byte("dash"),
		})
		for _, name := range []string{"sub/new", "old", "empty", "known", "last"} {
			wantArrivedOnce(t, r.Relay, name)
		}
		if q := r.logged(t, c, "/"); q.Method != "POST" || q.Status != 200 || q.Received != int64(body.Len()) || q.Reason != "complete" {
			t.Errorf("%+v", q)
		}
	}
}

// What becomes of files that have a name already is the drop's to say, in a bundle too.
func TestBundleConflicts(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]struct {
		statuses []string
		tree     map[string][]byte
	}{
		"replace":   {[]string{"201", "204"}, map[string][]byte{"a": []byte("two")}},
		"fail":      {[]string{"201", "409"}, map[string][]byte{"a": []byte("one")}},
		"keep_both": {[]string{"201", "201"}, map[string][]byte{"a": []byte("one"), "a (1)": []byte("two")}},
	} {
		r := startDrop(t, conflicting(mode))
		if got := r.client(t).deliver(t, "/", plainly("a", "one")+plainly("a", "two")); !slices.Equal(got, want.statuses) {
			t.Errorf("%s: %v", mode, got)
		}
		r.wantTree(t, want.tree)
	}
}

// A file that has got another name is told of beneath the directory that the bundle was for;
// so is one that comes again.
func TestBundleTellsOtherNames(t *testing.T) {
	t.Parallel()
	r := startDrop(t, conflicting("keep_both"))
	for to, names := range map[string]string{"/": "", "/in/x": "a/", "/in/": "%C3%BC/"} {
		id := strings.Repeat("0c", 16)
		body := plainly(names+"a", "one") + names + "a 3 - - " + id + " -\ntwo" + plainly("./"+names+"b", "b")
		want := "201\n201 " + names + "a%20%281%29\n201\n"
		for range 2 {
			c := r.client(t)
			c.say(t, ask("POST", to, bundleType, fmt.Sprintf("Content-Length: %d", len(body)))+body)
			if a := c.hear(t, "POST"); a.StatusCode != 200 || string(a.body) != want {
				t.Errorf("%s: status %d, %q, want %q", to, a.StatusCode, a.body, want)
			}
			body = names + "a 3 - - " + id + " -\ntwo"
			want = "201 " + names + "a%20%281%29\n"
		}
	}
}

// A bundle as a whole is refused like a file, and what is none publishes nothing.
func TestBundleRefused(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	one := plainly("a", "x")
	for _, c := range []struct {
		to, body string
		fields   []string
		status   int
	}{
		{"/", one + "rest", nil, 400},
		{"/", one + "b 2 - - - -\nx", nil, 400},
		{"/", strings.Repeat(one, 129), nil, 400},
		{"/", plainly(strings.Repeat("x", 16<<10), "x"), nil, 400},
		{"/", strings.Repeat("x", 1<<20+1), nil, 413},
		{"/.relay-a/", one, nil, 403},
		{"/../a", one, nil, 400},
		{"/", one, []string{"Content-Encoding: gzip"}, 415},
		{"/", one, []string{"Expect: more"}, 417},
		{"/", one, []string{"If-None-Match: *"}, 400},
	} {
		k := r.client(t)
		k.say(t, ask("POST", c.to, append(c.fields, bundleType, fmt.Sprintf("Content-Length: %d", len(c.body)))...))
		go func() { _, _ = io.WriteString(k.Conn, c.body) }() // an early answer may leave it unread
		if a := k.hear(t, "POST"); a.StatusCode != c.status {
			t.Errorf("%s, %d bytes, %v: status %d, want %d (%s)", c.to, len(c.body), c.fields, a.StatusCode, c.status, a.body)
		}
	}
	k := r.client(t)
	k.say(t, ask("POST", "/", bundleType))
	if a := k.hear(t, "POST"); a.StatusCode != 411 {
		t.Errorf("without a length: status %d", a.StatusCode)
	}
	closed := startDrop(t, nil).client(t)
	closed.say(t, ask("POST", "/", bundleType, "Content-Length: 0"))
	closed.hear(t, "POST").want(t, 405, []byte("405 Method Not Allowed: nothing can be put here: the drop is read-only\n"))
	for _, sent := range []int{1, len(one), len(one) + 5} { // and then it ends
		k := r.client(t)
		k.say(t, ask("POST", "/", bundleType, fmt.Sprintf("Content-Length: %d", 2*len(one)))+(one + one)[:sent])
		k.CloseWrite()
		r.wantReason(t, k, "/", "client_closed")
	}
	r.wantTree(t, nil)
	chunked := r.client(t)
	chunked.say(t, ask("POST", "/", bundleType, "Transfer-Encoding: chunked", "Expect: 100-continue"))
	chunked.in.Peek(1)
	chunked.say(t, fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(one), one))
	for a := chunked.hear(t, "POST"); a.StatusCode != 200; a = chunked.hear(t, "POST") {
		a.want(t, 100, nil)
	}
	r.wantTree(t, map[string][]byte{"a": []byte("x")})
}

// A token counts for each file of a bundle, and what is refused is told.
func TestBundleTokens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(harness.Directory(t), "tokens")
	writer := newToken(t, file, "writer", "write", "/in/")
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["tokens_file"] = file })
	body := plainly("out", "out") + plainly("in/a", "a") + plainly("in/b", "b")
	if got := r.client(t).deliver(t, "/", body, bearer(writer)); !slices.Equal(got, []string{"403", "201", "201"}) {
		t.Errorf("%v", got)
	}
	if got := r.client(t).deliver(t, "/in/deep/", plainly("x/y", "y"), bearer(writer)); !slices.Equal(got, []string{"201"}) {
		t.Errorf("%v", got)
	}
	r.Line(t, "a line for the file that was refused", func(l harness.Line) bool {
		return l.Message == "refused" && l.Field("file") == "out" && l.Field("token") == "writer" && l.Field("reason") == "denied"
	})
	for _, fields := range [][]string{nil, {bearer("unknown")}} {
		k := r.client(t)
		k.say(t, ask("POST", "/in/", append(fields, bundleType, "Content-Length: 1000000")...))
		if a := k.hear(t, "POST"); a.StatusCode != 401 { // without waiting for the body
			t.Errorf("%v: status %d", fields, a.StatusCode)
		}
	}
	r.wantTree(t, map[string][]byte{"in/a": []byte("a"), "in/b": []byte("b"), "in/deep/x/y": []byte("y")})
}

// A quota holds for what is in bundles, and counts it exactly: neither what is refused nor what
// comes again takes room.
func TestBundleQuota(t *testing.T) {
	t.Parallel()
	for _, durability := range []string{"fsync", "none"} {
		r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["quota"], d["durability"] = "10KiB", durability })
		c := r.client(t)
		k := bytesOf(1, 1024)
		bad := bundled("bad", "- - - sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:", k)
		again := bundled("again", "- - "+strings.Repeat("0c", 16)+" -", k)
		deliver := func(want []string, files ...string) {
			t.Helper()
			if got := c.deliver(t, "/", strings.Join(files, "")); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", durability, got, want)
			}
		}
		deliver([]string{"400", "201", "400", "409"}, bad, again, bad, bundled(".", "- - - -", k))
		deliver([]string{"201", "201", "400", "201"}, again, again, bad, again)
		var more []string
		for i := range 10 {
			more = append(more, bundled(fmt.Sprint(i), "- - - -", k))
		}
		deliver(append(slices.Repeat([]string{"201"}, 9), "507"), more...)
		c.send(t, "/more", []byte("x")).want(t, 507, []byte("507 Insufficient Storage: there is no room for the file: the drop's quota is used up\n"))
	}
}

// What comes in bundles is sent on, and runs the program that waits for it, like any file.
func TestBundleGoesOn(t *testing.T) {
	t.Parallel()
	last := startDrop(t, writable)
	ran := filepath.Join(harness.Directory(t), "ran")
	f := forwarding{
		dir: harness.Directory(t), listen: []string{"127.0.0.1:0"}, after: "delete", to: []string{"http://" + last.Address(t, "files") + "/"},
		edit: func(d harness.Table, _ []harness.Table) {
			d["on_arrival"] = []string{"/bin/sh", "-c", `echo "$1" >> "$2"`, "sh", "{path}", ran}
		},
	}
	b := harness.Start(t, f.config(t))
	from := t.TempDir()
	for i := range 100 {
		plantFile(t, filepath.Join(from, fmt.Sprintf("d%d/f%02d", i%3, i)), fmt.Append(nil, i), 0o644, time.Unix(7, 0))
	}
	transferAll(t, "send", "-r", "-j1", stateFlag(t), from+"/", "http://"+b.Address(t, "out")+"/")
	for name := range snapshotFiles(from) {
		wantArrivedOnce(t, last.Relay, name)
	}
	if got, want := snapshotFiles(last.dir), snapshotFiles(from); !maps.Equal(got, want) {
		t.Errorf("%d files arrived, want %d", len(got), len(want))
	}
	harness.Eventually(t, "the program to have run for each file", func() (bool, any) {
		text, _ := os.ReadFile(ran)
		n := strings.Count(string(text), "\n")
		return n == 100, n
	})
}

// breaker is a network that loses the answers to the first bundles: it passes one on, waits
// for what the drop says to it, and cuts the connection instead of passing that on.
type breaker struct {
	*peer.Server
	left atomic.Int64
}

func newBreaker(t testing.TB, target string, lose int64) *breaker {
	t.Helper()
	b := &breaker{}
	b.left.Store(lose)
	var err error
	b.Server, err = peer.Serve("127.0.0.1:0", func(c *peer.Conn) { b.pass(c, target) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func (b *breaker) pass(c *peer.Conn, target string) {
	to, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer to.Close()
	var losing atomic.Bool
	var both sync.WaitGroup
	defer both.Wait()
	both.Go(func() {
		defer to.(*net.TCPConn).CloseWrite()
		buf := make([]byte, 2<<20)
		for {
			n, err := c.Read(buf)
			if bytes.Contains(buf[:n], []byte("POST /")) && b.left.Add(-1) >= 0 {
				losing.Store(true)
			}
			if _, failed := to.Write(buf[:n]); err != nil || failed != nil {
				return
			}
		}
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := to.Read(buf)
		if losing.Load() && bytes.Contains(buf[:n], []byte("text/plain")) {
			c.Close()
			return
		}
		if _, failed := c.Write(buf[:n]); err != nil || failed != nil {
			c.Close()
			return
		}
	}
}

// Bundles that are stored at the same time keep to the descriptors that the program has.
func TestBundlesWithFewDescriptors(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil, harness.Options{Descriptors: 400})
	const clients, files = 8, 100
	var all []*client
	for n := range clients {
		var body strings.Builder
		for i := range files {
			body.WriteString(plainly(fmt.Sprintf("d%d-%d/f", n, i), "content"))
		}
		c := r.client(t)
		c.say(t, ask("POST", "/", bundleType, fmt.Sprintf("Content-Length: %d", body.Len()))+body.String())
		all = append(all, c)
	}
	for n, c := range all {
		got := c.delivered(t)
		if len(got) != files || slices.ContainsFunc(got, func(s string) bool { return s != "201" }) {
			t.Errorf("the files of bundle %d got %v", n, got)
		}
	}
}

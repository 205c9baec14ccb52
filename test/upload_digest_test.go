package test

import (
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/test/harness"
)

func sha256Of(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// A digest that is sent is checked against what arrived; a file that was damaged is not
// published.
func TestUploadDigests(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	body := bytesOf(1, 5<<20+11)
	sum := sha256Of(body)
	const wrong = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
	for field, status := range map[string]int{
		"Repr-Digest: sha-256=:" + sum + ":":                                201,
		"Content-Digest: md5=:AAAA:, sha-256=:" + sum + ":":                 201,
		"Digest: SHA-256=" + sum:                                            201,
		"Repr-Digest: md5=:AAAA:":                                           201,
		"Repr-Digest: sha-256=:" + wrong + ":":                              400,
		"Digest: SHA-256=" + wrong:                                          400,
		"Repr-Digest: xxh3-128=:BrBatnM6YYV4r1+UiS85UA==:":                  400,
		"Repr-Digest: sha-256=:AAAA:":                                       400,
		"Repr-Digest: sha-256=:" + sum + ":\r\nDigest: SHA-256=" + wrong:    400,
		"Want-Repr-Digest: sha-256=1\r\nRepr-Digest: sha-256=:" + sum + ":": 201,
		"X-OC-Mtime: tomorrow":                                              400,
		"X-Relay-Mode: rw-r--r--":                                           400,
	} {
		want := map[string][]byte{}
		a := r.send(t, "/a", body, field)
		if a.StatusCode != status {
			t.Errorf("%q: status %d, want %d: %s", field, a.StatusCode, status, a.body)
		}
		if status == 201 {
			want["a"] = body
		}
		r.wantTree(t, want)
		_ = os.Remove(filepath.Join(r.dir, "a"))
	}
}

// A reader that asks for a digest gets it, whether it was noted when the file arrived or
// not; what was noted of content that was changed since counts for nothing.
func TestDigestsForReaders(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["digest"] = "sha-256" })
	body := bytesOf(1, 3<<20)
	a := r.send(t, "/arrived", body)
	field := "sha-256=:" + sha256Of(body) + ":"
	if got := a.Header.Get("Repr-Digest"); got != field {
		t.Errorf("the answer to the upload has the digest %q", got)
	}
	r.file(t, "local", body)
	c := r.client(t)
	for _, path := range []string{"/arrived", "/local", "/local"} {
		c.say(t, ask("HEAD", path, "Want-Repr-Digest: sha-256=5, unknown=9"))
		if got := c.hear(t, "HEAD").Header.Get("Repr-Digest"); got != field {
			t.Errorf("%s: HEAD has the digest %q", path, got)
		}
		part := c.fetch(t, path, "Want-Repr-Digest: sha-256=5", "Range: bytes=1-5")
		part.want(t, 206, body[1:6])
		if got := part.Header.Get("Repr-Digest"); got != field {
			t.Errorf("%s: a part has the digest %q", path, got)
		}
		if got := c.fetch(t, path).Header.Get("Repr-Digest"); got != "" {
			t.Errorf("%s: nobody asked, and got %q", path, got)
		}
	}
	path := filepath.Join(r.dir, "arrived")
	fresh := bytesOf(2, 3<<20)
	if err := os.WriteFile(path, fresh, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := c.fetch(t, "/arrived", "Want-Repr-Digest: sha-256=1").Header.Get("Repr-Digest"); got != "sha-256=:"+sha256Of(fresh)+":" {
		t.Errorf("after a change the digest is %q", got)
	}
}

func TestUploadTimeAndMode(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	a := r.send(t, "/a", []byte("x"), "X-OC-Mtime: 1234567890.000000005", "X-Relay-Mode: 4750")
	a.want(t, 201, []byte{})
	if a.Header.Get("X-OC-Mtime") != "accepted" {
		t.Errorf("X-OC-Mtime: %q", a.Header.Get("X-OC-Mtime"))
	}
	info, err := os.Stat(filepath.Join(r.dir, "a"))
	if err != nil || info.ModTime() != time.Unix(1234567890, 5) || info.Mode() != 0o750 {
		t.Errorf("%v %v %v", info.ModTime(), info.Mode(), err)
	}
	start := time.Now()
	r.send(t, "/b", []byte("x")).want(t, 201, []byte{})
	info, err = os.Stat(filepath.Join(r.dir, "b"))
	if err != nil || info.ModTime().Before(start) || info.ModTime().After(time.Now()) {
		t.Errorf("%v, sent at %v", info.ModTime(), start)
	}
	if err := unix.Access(filepath.Join(r.dir, "b"), unix.R_OK); err != nil {
		t.Error(err)
	}
}

// What is known of a file is kept with it, also where its owner may not write to it.
func TestDigestOfAFileThatIsReadOnly(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["digest"] = "sha-256" }, harness.Options{Unprivileged: true})
	if a := r.send(t, "/a", []byte("x"), "X-Relay-Mode: 0444"); a.StatusCode != 201 {
		t.Fatalf("status %d %s", a.StatusCode, a.body)
	}
	info, err := os.Stat(filepath.Join(r.dir, "a"))
	if err != nil || info.Mode() != 0o444 {
		t.Fatalf("%v, %v", info, err)
	}
	// HEAD would not tell: it computes a digest that is not there.
	if n, err := unix.Getxattr(filepath.Join(r.dir, "a"), "user.relay.digest", nil); n == 0 || err != nil {
		t.Errorf("the digest is not kept: %v", err)
	}
}

package store

import (
	"crypto/rand"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// ext4 keeps attributes in inodes of 256 bytes as long as the value of one of this name
// has no more.
const inInode = 64

const (
	someXXH3   = "xxh3-128=:AAECAwQFBgcICQoLDA0ODw==:"
	someSHA256 = "sha-256=:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=:"
)

// freshID is an id that no other test has used: their directories may have had the same
// number, and stores remember by that.
func freshID() string {
	var b [idBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// What a file is labelled with is read again, in one attribute or in words, and fits into
// an inode where it usually can.
func TestLabel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id, digests string
		compact     bool
	}{
		{freshID(), someXXH3, true},
		{freshID(), someSHA256, true},
		{freshID(), "", true},
		{freshID(), someXXH3 + ", " + someSHA256, true},
		{strings.ToUpper(freshID()), someXXH3, false},
		{"another" + freshID(), someXXH3, false},
		{"", someXXH3, false},
	} {
		r := newRig(t)
		if _, err := r.put("f", "content", Terms{ID: c.id, Digests: c.digests}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(r.dir, "f")
		fd, err := unix.Open(path, unix.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		info, _ := sock.Info(fd, false)
		var value [noteMost]byte
		n, err := unix.Fgetxattr(fd, label, value[:])
		if (err == nil) != c.compact || err == nil && n > inInode && !strings.Contains(c.digests, ",") {
			t.Errorf("%+v: a label of %d bytes, %v", c, n, err)
		}
		if got := idOf(fd); got != c.id {
			t.Errorf("%+v: the id is %q", c, got)
		}
		if got := Digests(fd, info); got != c.digests {
			t.Errorf("%+v: the digests are %q", c, got)
		}
		other := info
		other.Nsec++
		if got := Digests(fd, other); got != "" {
			t.Errorf("%+v: of another content the digests are %q", c, got)
		}
		KeepDigests(fd, info, someSHA256)
		if got := Digests(fd, info); got != someSHA256 || idOf(fd) != c.id {
			t.Errorf("%+v: then they are %q, and the id %q", c, got, idOf(fd))
		}
	}
}

// A label that is damaged, or of a version to come, says nothing.
func TestLabelOfOthers(t *testing.T) {
	t.Parallel()
	r, id := newRig(t), freshID()
	if _, err := r.put("f", "content", Terms{ID: id, Digests: someXXH3}); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(filepath.Join(r.dir, "f"), unix.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	info, _ := sock.Info(fd, false)
	good, ok := appendLabel(nil, info, id, someXXH3)
	if !ok {
		t.Fatal("no label")
	}
	for n := range good {
		if err := unix.Fsetxattr(fd, label, good[:n], 0); err != nil {
			t.Fatal(err)
		}
		if got := Digests(fd, info); got != "" {
			t.Errorf("of %d bytes: %q", n, got)
		}
	}
	if err := unix.Fsetxattr(fd, label, append([]byte{labelVersion + 1}, good[1:]...), 0); err != nil {
		t.Fatal(err)
	}
	if id, sums := idOf(fd), Digests(fd, info); id != "" || sums != "" {
		t.Errorf("of another version: %q, %q", id, sums)
	}
}

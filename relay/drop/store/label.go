package store

import (
	"encoding/binary"
	"encoding/hex"

	"golang.org/x/sys/unix"

	"relay/relay/drop/digest"
	"relay/relay/sock"
)

// A small file that came with an id keeps it and its digests in one attribute, in few
// enough bytes to lie within ext4's inodes of 256 bytes, of which an attribute of this name
// gets 64: whatever is longer costs a block of its own, which is found, journalled and
// written for every file.
//
//	version   1 byte, labelVersion
//	id        16 bytes
//	of        size, seconds and nanoseconds of the content that follows: as in note.go, but varints
//	digests   each its algorithm in 1 byte, and its value
//
// Files that have something else to say, and those of earlier versions, have attributes in
// words (note.go, mark). All are read.

// label is that attribute.
const label = "user.relay"

const (
	labelVersion = 1
	idBytes      = 16
)

// stick labels a file; false says that it has to be said in words.
func stick(file int, info sock.FileInfo, id, digests string) bool {
	b, ok := appendLabel(make([]byte, 0, noteMost), info, id, digests)
	return ok && retry(func() error { return unix.Fsetxattr(file, label, b, 0) }) == 0
}

func appendLabel(b []byte, info sock.FileInfo, id, digests string) ([]byte, bool) {
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != idBytes || hex.EncodeToString(raw) != id {
		return nil, false
	}
	b = append(append(b, labelVersion), raw...)
	if digests == "" {
		return b, true
	}
	sums, err := digest.Parse([]string{digests})
	if err != nil {
		return nil, false
	}
	b = digest.Pack(appendStamp(b, info), sums)
	return b, len(b) <= noteMost
}

func appendStamp(b []byte, info sock.FileInfo) []byte {
	b = binary.AppendVarint(b, info.Size)
	b = binary.AppendVarint(b, info.Sec)
	return binary.AppendVarint(b, info.Nsec)
}

// labelled reads the label of a file: nil if it has none that we know.
func labelled(file int) []byte {
	b := make([]byte, noteMost)
	n, err := unix.Fgetxattr(file, label, b)
	if err != nil || n < 1+idBytes || b[0] != labelVersion {
		return nil
	}
	return b[1:n]
}

// idOf is the id that a file came with; "" is none.
func idOf(file int) string {
	var got [64]byte
	if n, err := unix.Fgetxattr(file, mark, got[:]); err == nil {
		return string(got[:n])
	}
	if b := labelled(file); b != nil {
		return hex.EncodeToString(b[:idBytes])
	}
	return ""
}

// labelDigests are the digests on the label of a file with this content, in the form of
// Repr-Digest.
func labelDigests(file int, info sock.FileInfo) string {
	b := labelled(file)
	if b == nil {
		return ""
	}
	of := appendStamp(nil, info)
	b = b[idBytes:]
	if len(b) < len(of) || string(b[:len(of)]) != string(of) {
		return ""
	}
	sums, ok := digest.Unpack(b[len(of):])
	if !ok {
		return ""
	}
	return digest.Join(sums)
}

package store

import (
	"fmt"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// attribute holds the digests of a file, with the size and time of the content that they
// are of: whoever changes the file in place makes them worth nothing, and that shows.
const attribute = "user.relay.digest"

// Via is an attribute with the ids of the drops that a file came through, which package
// forward reads. A file system that keeps none is no error: loops of forwards are not
// noticed there.
const Via = "user.relay.via"

// noteMost bounds what is read back.
const noteMost = 1024

// KeepDigests notes the digests of an open file with it. A file system that keeps no
// attributes is no error: the file then has none.
func KeepDigests(file int, info sock.FileInfo, digests string) {
	text := fmt.Sprintf("%d %d.%09d %s", info.Size, info.Sec, info.Nsec, digests)
	_ = retry(func() error { return unix.Fsetxattr(file, attribute, []byte(text), 0) })
}

// Digests is what is noted of the content that an open file has; "" is nothing.
func Digests(file int, info sock.FileInfo) string {
	var buf [noteMost]byte
	n, err := unix.Fgetxattr(file, attribute, buf[:])
	if err != nil {
		return labelDigests(file, info)
	}
	of := fmt.Sprintf("%d %d.%09d ", info.Size, info.Sec, info.Nsec)
	if n < len(of) || string(buf[:len(of)]) != of {
		return labelDigests(file, info)
	}
	return string(buf[len(of):n])
}

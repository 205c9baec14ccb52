package sock

import "golang.org/x/sys/unix"

// Discard throws away what has come on a TCP socket, at most len(p) bytes, without
// copying it: p says how many and is not touched (MSG_TRUNC, tcp(7)). (0, 0) is the end
// of the stream.
func Discard(fd int, p []byte) (int, Errno) { return recv(fd, p, unix.MSG_TRUNC) }

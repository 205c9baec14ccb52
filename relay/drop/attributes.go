package drop

import (
	"net/http"
	"strconv"
	"time"
)

// attributes tells a client that asks for them ("X-Relay-Want: attributes") what a copy
// of the file or directory is to have, in the fields in which an upload brings it: the time to the
// nanosecond, which Last-Modified does not hold, and the permissions.
func attributes(b []byte, h http.Header, f found) []byte {
	if list := h["X-Relay-Want"]; len(list) != 1 || list[0] != "attributes" {
		return b
	}
	b = append(appendSeconds(append(b, "X-OC-Mtime: "...), f.sec, f.nsec), "\r\nX-Relay-Mode: "...)
	return append(append(b, showMode(f.mode)...), crlf...)
}

// appendSeconds writes seconds since 1970 with nine decimals, "-0.250000000" for a
// quarter of a second before.
func appendSeconds(b []byte, sec, nsec int64) []byte {
	if sec < 0 && nsec > 0 { // the clock counts nanoseconds upwards from the second before
		sec, nsec = sec+1, int64(time.Second)-nsec
		if sec == 0 {
			b = append(b, '-')
		}
	}
	b = append(appendInt(b, sec), '.')
	return append(b, strconv.FormatInt(nsec+int64(time.Second), 10)[1:]...)
}

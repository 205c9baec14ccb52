package drop

import (
	"strconv"
	"time"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

func appendHex(b []byte, n uint64) []byte { return strconv.AppendUint(b, n, 16) }

// httpTime is the layout of a date in a header (RFC 9110, 5.6.7); times must be UTC.
const httpTime = "Mon, 02 Jan 2006 15:04:05 GMT"

func appendTime(b []byte, seconds int64) []byte {
	return time.Unix(seconds, 0).UTC().AppendFormat(b, httpTime)
}

// dateLine is the Date field of this second, written once.
type dateLine struct {
	until int64 // of loop.Clock
	unix  int64
	text  []byte
}

// at is the field, with its end of line, and the time it says.
func (d *dateLine) at(now int64) ([]byte, int64) {
	if now >= d.until {
		t := time.Now()
		d.unix = t.Unix()
		d.text = append(appendTime(append(d.text[:0], "Date: "...), d.unix), "\r\n"...)
		d.until = now + int64(time.Second) - int64(t.Nanosecond())
	}
	return d.text, d.unix
}

package drop

import (
	"net/http"
	"strings"
	"time"
)

// version tells one state of a file from another: by its size and the nanosecond of its
// last change, so that it is the same on every host that holds the same file with the
// same time.
type version struct {
	tag      string // a strong entity tag, quotes included
	modified int64  // seconds since 1970
}

func newVersion(size, sec, nsec int64) version {
	const digits = 16 + 1 + 16 + 2
	b := make([]byte, 0, digits)
	b = append(b, '"')
	b = appendHex(b, uint64(size))
	b = append(b, '-')
	b = appendHex(b, uint64(sec*int64(time.Second)+nsec))
	b = append(b, '"')
	return version{tag: string(b), modified: sec}
}

// precondition evaluates the conditions of a GET or HEAD, but for If-Range, in the order
// of RFC 9110, 13.2.2: 0 lets the request go on, else it is 304 or 412.
func precondition(h http.Header, v version) int {
	if list := h["If-Match"]; len(list) > 0 {
		if !matches(list, v.tag, false) {
			return statusPrecondition
		}
	} else if at, ok := date(h, "If-Unmodified-Since"); ok && v.modified > at {
		return statusPrecondition
	}
	if list := h["If-None-Match"]; len(list) > 0 {
		if matches(list, v.tag, true) {
			return statusNotModified
		}
	} else if at, ok := date(h, "If-Modified-Since"); ok && v.modified <= at {
		return statusNotModified
	}
	return 0
}

// rangeHolds reports that a Range counts: there is no If-Range, or it names this version
// of the file.
func rangeHolds(h http.Header, v version) bool {
	list := h["If-Range"]
	switch {
	case len(list) == 0:
		return true
	case len(list) > 1:
		return false
	}
	if strings.HasPrefix(list[0], `"`) {
		return list[0] == v.tag
	}
	at, ok := date(h, "If-Range")
	return ok && at == v.modified
}

// matches looks for a tag in lists of entity tags. Weak comparison overlooks W/.
func matches(lists []string, tag string, weak bool) bool {
	for _, s := range lists {
		for s = skipCommas(s); s != ""; s = skipCommas(s) {
			if s[0] == '*' {
				return true
			}
			opaque, isWeak := strings.CutPrefix(s, "W/")
			if opaque == "" || opaque[0] != '"' {
				break // not a list of tags
			}
			end := strings.IndexByte(opaque[1:], '"')
			if end < 0 {
				break
			}
			if opaque[:end+2] == tag && (weak || !isWeak) {
				return true
			}
			s = opaque[end+2:]
		}
	}
	return false
}

func skipCommas(s string) string { return strings.TrimLeft(s, ", \t") }

// date reads a field that holds one date; it is overlooked when it does not.
func date(h http.Header, field string) (int64, bool) {
	list := h[field]
	if len(list) != 1 {
		return 0, false
	}
	t, err := http.ParseTime(list[0])
	return t.Unix(), err == nil
}

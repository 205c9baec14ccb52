package drop

import (
	"strings"

	"relay/relay/drop/store"
)

// reserved begins the names that a drop keeps for its own files. They are neither served
// nor listed.
const reserved = store.Reserved

// name is a place beneath the directory. Names are bytes, as the file system has them.
type name struct {
	path  string // relative, without empty parts; "." is the directory itself
	slash bool   // a directory was asked for
}

// cleanName makes a name of a URL's path, unescaped once. Empty parts and "." are dropped
// (rclone asks for "/./a:b"); ".." is refused: whoever means it resolves it first.
func cleanName(path string) (name, bool) {
	if !strings.HasPrefix(path, "/") || strings.IndexByte(path, 0) >= 0 {
		return name{}, false
	}
	clean := make([]byte, 0, len(path))
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "", part == ".":
			continue
		case part == "..":
			return name{}, false
		case len(clean) > 0:
			clean = append(clean, '/')
		}
		clean = append(clean, part...)
	}
	if len(clean) == 0 {
		return name{path: ".", slash: true}, true
	}
	return name{path: string(clean), slash: strings.HasSuffix(path, "/") || strings.HasSuffix(path, "/.")}, true
}

// hidden reports that a part of the name is one of ours.
func (n name) hidden() bool {
	return strings.HasPrefix(n.path, reserved) || strings.Contains(n.path, "/"+reserved)
}

// base is the last part.
func (n name) base() string { return n.path[strings.LastIndexByte(n.path, '/')+1:] }

// escape writes a name as a part of a URL. All but the unreserved characters of RFC 3986
// and '/' become %XX, so that the result means the same in HTML, in a header and in
// front of a colon.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~', c == '/':
			b = append(b, c)
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

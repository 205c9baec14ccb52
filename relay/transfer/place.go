package transfer

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"
)

// Place is a name on a server: what a URL says.
type Place struct {
	host string // with the port, to call and for the Host field
	path string // escaped; begins with '/'
}

const httpPort = "80"

// ParseURL reads "http://host:port/path".
func ParseURL(s string) (Place, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil && !IsURL(s):
		return Place{}, fmt.Errorf("%q is no URL like http://host:9000/path", s)
	case err != nil:
		return Place{}, err
	case u.Scheme == "https":
		return Place{}, fmt.Errorf("%s: relay speaks no TLS yet; use http://, through a tunnel where others can listen", s)
	case u.Scheme != "http" || u.Host == "":
		return Place{}, fmt.Errorf("%q is no URL like http://host:9000/path", s)
	case u.User != nil:
		return Place{}, errors.New("a URL with a password shows it to everybody; put the token into a file for --token-file, or into RELAY_TOKEN")
	case u.RawQuery != "" || u.Fragment != "":
		return Place{}, fmt.Errorf("%s: a '?' or '#' in a name must be written %%3F or %%23", s)
	}
	port := u.Port()
	if port == "" {
		port = httpPort
	}
	p := Place{host: net.JoinHostPort(u.Hostname(), port), path: u.EscapedPath()}
	if p.path == "" {
		p.path = "/"
	}
	return p, nil
}

// IsURL reports that a word is meant as a URL, not as a path.
func IsURL(s string) bool { return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") }

// String is the place as a URL.
func (p Place) String() string { return "http://" + strings.TrimSuffix(p.host, ":"+httpPort) + p.path }

// isDir reports that the place is written as a directory.
func (p Place) isDir() bool { return strings.HasSuffix(p.path, "/") }

// above is the directory that the place is, or is in.
func (p Place) above() Place {
	p.path = p.path[:strings.LastIndexByte(p.path, '/')+1]
	return p
}

// dir is the place written as a directory.
func (p Place) dir() Place {
	if !p.isDir() {
		p.path += "/"
	}
	return p
}

// base is the last part of the name, "" for the root.
func (p Place) base() string {
	base, err := url.PathUnescape(path.Base(p.path))
	if err != nil || base == "/" || base == "." {
		return ""
	}
	return base
}

// join is a place beneath a directory; name is a path of raw bytes.
func (p Place) join(name string) Place {
	p = p.dir()
	p.path += escape(name)
	return p
}

// follow is the place that a relative reference leads to, as listings have them.
func (p Place) follow(href string) Place {
	p = p.dir()
	p.path += href
	return p
}

// inPath makes of a text that is escaped for a query one for a path.
var inPath = strings.NewReplacer("+", "%20", "%2F", "/")

// escape writes a name as a part of a URL: all but the unreserved characters of RFC 3986
// and '/' become %XX. (url.PathEscape leaves more.)
func escape(s string) string { return inPath.Replace(url.QueryEscape(s)) }

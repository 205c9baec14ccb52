package transfer

import (
	"net/http"
	"net/url"
	"strings"
)

// A drop that keeps both of two files of a name (on_conflict = "keep_both") gives the second
// one another name, and says which in its answer.

// where is the path, or URL, that an answer tells of what it is about.
func where(res *http.Response) string {
	if to := res.Header.Get("Location"); to != "" {
		return to
	}
	return res.Header.Get("Content-Location")
}

// storedAt notes where the server says that a file is: "" is where it was to be.
func (p *post) storedAt(location string) { p.other = p.to.other(location) }

// other is the place of a file that was sent to p, if it has got another name; zero, if not,
// for all that can be known. Proxies between us and a drop may serve it beneath a directory
// of their own, which it does not know of; but it changes nothing of a name except for its
// last part.
func (p Place) other(location string) Place {
	u, err := url.Parse(location)
	if err != nil {
		return Place{}
	}
	at := Place{p.host, u.EscapedPath()}
	if !strings.HasPrefix(at.path, "/") || at.isDir() || at.base() == "" || at.base() == p.base() {
		return Place{}
	}
	if strings.HasSuffix(p.above().raw(), at.above().raw()) {
		return p.above().join(at.base())
	}
	return Place{}
}

// raw is the path without escapes, of which one name may be written in several ways.
func (p Place) raw() string {
	raw, err := url.PathUnescape(p.path)
	if err != nil {
		return p.path
	}
	return raw
}

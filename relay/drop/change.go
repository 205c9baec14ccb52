package drop

import (
	"net/http"
	"net/url"
	"strings"

	"relay/relay/drop/store"
	"relay/relay/drop/token"
	"relay/relay/sock"
)

// What changes names and brings no bytes: MKCOL, DELETE and MOVE, as in WebDAV
// (RFC 4918). All is done by a worker.

// change has a worker do something to the directory, and answers with the status that it
// gives.
func (c *Conn) change(work func() (status int, err error)) {
	var status int
	c.work(func() (err error) {
		status, err = work()
		return err
	}, func() { c.succeed(status) })
}

// succeed answers without a body.
func (c *Conn) succeed(status int) {
	b := c.start(status)
	if status != statusNoContent {
		b = append(b, "Content-Length: 0\r\n"...)
	}
	b = append(b, "\r\n"...)
	c.respond(b, len(b), 0)
}

// changeable reports that a name may be given or taken away here; if not, the request
// was answered.
func (c *Conn) changeable(n name, right token.Rights) bool {
	switch {
	case !c.drop.limits.Write:
		c.failBecause(statusMethod, readOnly)
	case n.hidden():
		c.failBecause(statusForbidden, ourNames)
	case n.path == ".":
		c.failBecause(statusForbidden, "the directory itself stays as it is")
	default:
		return c.may(right, n.path)
	}
	return false
}

func (c *Conn) makeDirectory(n name) {
	if !c.changeable(n, token.Write) {
		return
	}
	if c.request.body {
		c.failBecause(statusMediaType, "a directory is made without a body")
		return
	}
	f, err := readUploadFields(c.request.head.Header)
	if err != nil {
		c.failBecause(statusBadRequest, err.Error())
		return
	}
	s := c.drop.store
	described := f.mode != 0 || !f.mtime.IsZero()
	c.change(func() (int, error) {
		switch err := s.MakeDirectory(n.path, f.mode, f.mtime); {
		case described && (err == store.ErrExists || err == store.ErrNotFound):
			// Whoever copies a tree says what its directories are like when they are full.
			return statusNoContent, s.DescribeDirectory(n.path, f.mode, f.mtime)
		case err == store.ErrExists:
			return 0, errTaken
		case err == store.ErrNotFound:
			return 0, store.ErrParent
		default:
			return statusCreated, err
		}
	})
}

func (c *Conn) remove(n name) {
	if !c.changeable(n, token.Delete) {
		return
	}
	s, holds := c.drop.store, conditions(c.request.head.Header)
	c.change(func() (int, error) { return statusNoContent, s.Remove(n.path, holds) })
}

func (c *Conn) move(n name) {
	r := c.request.head
	to, ok := destination(r)
	if !ok {
		c.failBecause(statusBadRequest, noDestination)
		return
	}
	if !c.changeable(n, token.Delete) || !c.changeable(to, token.Write) {
		return
	}
	// What may not be read here is not to be moved to where it may.
	for _, right := range []token.Rights{token.Read, token.List} {
		if c.request.grant.May(right, to.path) && !c.may(right, n.path) {
			return
		}
	}
	// Who may not take files away there takes none by putting another in its place, if no
	// upload does.
	s, replace := c.drop.store, overwrites(r.Header)
	replace = replace && (c.drop.conflict == store.Replace || c.request.grant.May(token.Delete, to.path))
	holds := conditions(r.Header)
	c.change(func() (int, error) {
		replaced, err := s.Move(n.path, to.path, replace, holds)
		if replaced {
			return statusNoContent, err
		}
		return statusCreated, err
	})
}

// overwrites reports that what has the name that a MOVE or COPY leads to may be replaced
// (RFC 4918, 10.6).
func overwrites(h http.Header) bool { return !strings.EqualFold(h.Get("Overwrite"), "F") }

const noDestination = "the field Destination does not name a place in this drop"

// destination is where a MOVE or COPY leads: a path, or a URL of this host.
func destination(r *http.Request) (name, bool) {
	list := r.Header["Destination"]
	if len(list) != 1 {
		return name{}, false
	}
	u, err := url.Parse(list[0])
	if err != nil || u.RawQuery != "" || u.Host != "" && !strings.EqualFold(u.Host, r.Host) {
		return name{}, false
	}
	return cleanName(u.Path)
}

// conditions are those of a request that changes a file; nil if there are none.
func conditions(h http.Header) func(exists bool, info sock.FileInfo) bool {
	if len(h["If-Match"]) == 0 && len(h["If-None-Match"]) == 0 && len(h["If-Unmodified-Since"]) == 0 {
		return nil
	}
	return func(exists bool, info sock.FileInfo) bool {
		return mayWrite(h, exists, newVersion(info.Size, info.Sec, info.Nsec))
	}
}

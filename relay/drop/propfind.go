package drop

import (
	"net/http"
	"strings"

	"relay/relay/drop/token"
	"relay/relay/sock"
)

// PROPFIND lists a directory (Depth: 1), or tells of one name (Depth: 0), as WebDAV has it
// (RFC 4918, 9.1). With PUT, MKCOL, DELETE and MOVE that is what clients need that copy
// files to and from a server of class 1. Nothing is locked, and no property is kept.
//
// What is asked for may come as a body (message.go). A worker writes the answer into a file in
// memory, entry by entry.

// questionMost bounds the body of a PROPFIND, in bytes.
const questionMost = 16 << 10

// finiteDepth answers whoever asks for a whole tree, which is not bounded.
const finiteDepth = xmlHead + `<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>` + "\n"

// survey is a PROPFIND under way.
type survey struct {
	name     name
	names    bool // Depth: 1
	question question
	minimal  bool  // what is not there need not be mentioned (RFC 8144)
	now      int64 // seconds since 1970: no file is told to be younger
}

func (c *Conn) propfind(n name) {
	s := &survey{name: n, question: everything, minimal: prefersMinimal(c.request.head.Header)}
	_, s.now = c.in.date.at(c.in.loop.Now())
	switch depth := c.request.head.Header["Depth"]; {
	case n.hidden():
		c.fail(statusNotFound)
		return
	case len(depth) > 1:
		c.failBecause(statusBadRequest, "there are several fields Depth; send one")
		return
	case len(depth) == 0 || strings.EqualFold(depth[0], "infinity"):
		c.failAs(statusForbidden, "", xmlType, finiteDepth)
		return
	case depth[0] == "1":
		s.names = true
	case depth[0] != "0":
		c.failBecause(statusBadRequest, "the field Depth is 0 or 1 here")
		return
	}
	// Of one name a program learns no more than by HEAD, or by the listing above it.
	if !c.request.grant.May(token.Read, n.path) || s.names {
		if !c.may(token.List, n.path) {
			return
		}
	}
	if c.request.body {
		c.hear(n, &message{most: questionMost, workers: c.in.workers.Disk, read: s.read, answer: func() { c.survey(s) }})
		return
	}
	c.survey(s)
}

func prefersMinimal(h http.Header) bool {
	return strings.Contains(strings.ToLower(strings.Join(h["Prefer"], ",")), "return=minimal")
}

// read finds out what is asked for.
func (s *survey) read(b []byte) (err error) {
	s.question, err = readQuestion(b)
	return err
}

// survey has a worker look, and answers with what it has found.
func (c *Conn) survey(s *survey) {
	d := c.drop
	c.serveMade(s.name, func() (fd int, size int64, errno sock.Errno) { return d.findOut(s) }, func(size int64) {
		b := append(c.start(statusMulti), "DAV: 1\r\nCache-Control: no-cache\r\nContent-Type: "+xmlType+"\r\nContent-Length: "...)
		b = append(appendInt(b, size), "\r\n\r\n"...)
		c.respond(b, len(b), size)
	})
}

// findOut writes a multistatus into a file in memory.
func (d *Drop) findOut(s *survey) (fd int, size int64, errno sock.Errno) {
	f, errno := d.open(s.name, false)
	if errno != 0 {
		return -1, 0, errno
	}
	defer sock.Close(f.fd)
	return d.inMemory(func(w *pageWriter) sock.Errno {
		self := entry{name: s.name.base(), dir: f.dir, size: f.size, mtime: f.sec, nsec: f.nsec, mode: f.mode}
		w.multistatus()
		path := "/" + escape(s.name.path)
		if s.name.path == "." {
			path = "/"
		} else if f.dir {
			path += "/"
		}
		w.tell(s, path, &self)
		var errno sock.Errno
		if s.names && f.dir {
			errno = d.eachEntry(s.name, f.fd, func(e *entry) bool {
				w.tell(s, path+escape(e.name), e)
				return w.errno == 0
			})
		}
		w.multistatusEnd()
		return errno
	})
}

package drop

import (
	"net/http"
	"strings"
)

// begin takes up a request whose head is whole.
func (c *Conn) begin(h head, b []byte) {
	r, err := c.in.parse(b[h.skip:])
	if err != nil {
		c.refuse(statusBadRequest)
		return
	}
	if !c.take(h.size) {
		c.finish(ClientReset)
		return
	}
	e := &c.request
	e.head, e.method, e.body, e.sized = r, r.Method, h.body(), h.lengths > 0 || h.codings > 0
	e.path, _, _ = strings.Cut(r.RequestURI, "?")
	c.rude = e.body
	e.keep = !r.Close
	c.closing = r.Close || e.body || c.parting()
	c.dispatch()
}

// parse has the standard library read what findHead has let through.
func (cs *Conns) parse(b []byte) (*http.Request, error) {
	cs.text.Reset(b)
	cs.reader.Reset(&cs.text)
	return http.ReadRequest(cs.reader)
}

// dispatch decides what is asked for.
func (c *Conn) dispatch() {
	r := c.request.head
	path := r.URL.Path
	if path == "" && r.URL.Host != "" {
		path = "/" // "GET http://host HTTP/1.1"
	}
	name, ok := cleanName(path)
	if r.Method == http.MethodOptions && (ok || path == "*") {
		c.options(name.path)
		return
	}
	if !ok {
		c.failBecause(statusBadRequest, noPath)
		return
	}
	if !c.identify() {
		return
	}
	if id, ok := strings.CutPrefix(name.path, uploadsPath); ok {
		c.atUpload(id)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		c.look(name)
	case http.MethodPost:
		c.post(name)
	case http.MethodPut:
		c.put(name)
	case "PROPFIND":
		c.propfind(name)
	case "MKCOL":
		c.makeDirectory(name)
	case http.MethodDelete:
		c.remove(name)
	case "MOVE":
		c.move(name)
	case "COPY":
		c.copyFile(name)
	default:
		c.fail(statusMethod)
	}
}

// noPath is what is said of a path that no name can be made of.
const noPath = "the path is none, or leads out of the directory"

// post takes up a request that brings files, and not one that is put.
func (c *Conn) post(n name) {
	switch {
	case isBundle(c.request.head.Header):
		c.deliver(n)
	case c.request.asksResumable():
		c.put(n)
	default:
		c.failBecause(statusMethod, "put the file: curl -T FILE URL")
	}
}

// only reports a request for the head alone.
func (e *exchange) only() bool { return e.method == http.MethodHead }

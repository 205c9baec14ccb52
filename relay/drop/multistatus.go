package drop

// The answer to a PROPFIND: a response for each name, with the properties that were asked
// for and that it has, and those that it does not have. Names are bytes; as references they
// are ASCII, whatever they hold.

const (
	xmlHead = `<?xml version="1.0" encoding="utf-8"?>` + "\n"
	xmlType = "application/xml; charset=utf-8"
)

// property is one of RFC 4918, 15. value writes what an entry has of it, if it has it.
type property struct {
	name  string
	value func(b []byte, s *survey, e *entry) (value []byte, has bool)
}

// properties are those that every file, or every directory, has. What GET and HEAD say in
// their fields is the same here.
var properties = []*property{
	{"resourcetype", func(b []byte, _ *survey, e *entry) ([]byte, bool) {
		if e.dir {
			b = append(b, "<D:collection/>"...)
		}
		return b, true
	}},
	{"getcontentlength", func(b []byte, _ *survey, e *entry) ([]byte, bool) {
		return appendInt(b, e.size), !e.dir
	}},
	{"getlastmodified", func(b []byte, s *survey, e *entry) ([]byte, bool) {
		return appendTime(b, min(e.mtime, s.now)), true
	}},
	{"getetag", func(b []byte, _ *survey, e *entry) ([]byte, bool) {
		return append(b, newVersion(e.size, e.mtime, e.nsec).tag...), !e.dir
	}},
	{"getcontenttype", func(b []byte, _ *survey, e *entry) ([]byte, bool) {
		return append(b, contentType(e.name)...), !e.dir
	}},
	{"supportedlock", func(b []byte, _ *survey, _ *entry) ([]byte, bool) {
		return b, true // none
	}},
}

func (w *pageWriter) multistatus() {
	w.text(xmlHead, `<D:multistatus xmlns:D="DAV:">`, "\n")
}

func (w *pageWriter) multistatusEnd() { w.text("</D:multistatus>\n") }

// tell writes the response for one name. w.buf is flushed at its end only.
func (w *pageWriter) tell(s *survey, path string, e *entry) {
	b := append(append(w.buf, "<D:response><D:href>"...), path...)
	if e.dir && path[len(path)-1] != '/' {
		b = append(b, '/')
	}
	b = append(b, "</D:href>"...)
	missing := s.question.strange
	before := len(b)
	b = append(b, "<D:propstat><D:prop>"...)
	none := len(b)
	for _, p := range s.question.of {
		var has bool
		if b, has = p.write(b, s, e); !has && !s.question.all {
			missing += "<D:" + p.name + "/>"
		}
	}
	if s.minimal {
		missing = ""
	}
	if len(b) == none && missing != "" {
		b = b[:before]
	} else {
		b = append(b, "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"...)
	}
	w.buf = b
	if missing != "" {
		w.text("<D:propstat><D:prop>", missing, "</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>")
	}
	w.text("</D:response>\n")
}

// write appends the property, if the entry has it.
func (p *property) write(b []byte, s *survey, e *entry) ([]byte, bool) {
	before := len(b)
	b = append(append(append(b, "<D:"...), p.name...), '>')
	start := len(b)
	b, has := p.value(b, s, e)
	if !has {
		return b[:before], false
	}
	if s.question.namely {
		b = b[:start]
	}
	return append(append(append(b, "</D:"...), p.name...), '>'), true
}

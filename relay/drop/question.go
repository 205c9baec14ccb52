package drop

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
)

// question is what a PROPFIND asks for.
type question struct {
	of      []*property // those of ours
	all     bool        // that there are: nothing can be missing
	namely  bool        // their names only
	strange string      // the others, as elements without content
}

// everything is what allprop and no body at all stand for.
var everything = question{of: properties, all: true}

// namesMost bounds the properties that a PROPFIND asks for.
const namesMost = 64

// strangeMost bounds what is said of properties that nobody here has, in bytes. It is said
// again for each name; and a name space that is written once can stand in many of them.
const strangeMost = 4 << 10

const dav = "DAV:"

var errQuestion = errors.New("not the body of a PROPFIND (RFC 4918, 14.20)")

// readQuestion reads the body of a PROPFIND. Elements that are not known mean nothing
// (RFC 4918, 17). The decoder resolves no entities but XML's own, and reads nothing else.
func readQuestion(b []byte) (q question, err error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return everything, nil
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	root, err := nextElement(d)
	if err != nil || root == nil || root.Name != (xml.Name{Space: dav, Local: "propfind"}) {
		return q, errQuestion
	}
	if q, err = readAsked(d); err != nil {
		return q, errQuestion
	}
	if _, err := nextElement(d); err != io.EOF {
		return q, errQuestion
	}
	return q, nil
}

// readAsked reads what is in a <propfind>: one element that says what is asked for, and
// others that mean nothing.
func readAsked(d *xml.Decoder) (q question, err error) {
	for asked := 0; ; {
		e, err := nextElement(d)
		switch {
		case err != nil:
			return q, err
		case e == nil && asked != 1:
			return q, errQuestion
		case e == nil:
			return q, nil
		}
		asks := true
		switch e.Name {
		case xml.Name{Space: dav, Local: "prop"}:
			q, err = readNames(d)
		case xml.Name{Space: dav, Local: "allprop"}:
			q, err = everything, d.Skip()
		case xml.Name{Space: dav, Local: "propname"}:
			q, err = question{of: properties, all: true, namely: true}, d.Skip()
		default:
			asks, err = false, d.Skip()
		}
		if err != nil {
			return q, err
		}
		if asks {
			asked++
		}
	}
}

// nextElement is the next element that begins on this level; nil when the level ends.
func nextElement(d *xml.Decoder) (*xml.StartElement, error) {
	for {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return &t, nil
		case xml.EndElement:
			return nil, nil
		}
	}
}

// readNames reads the properties within a <prop>.
func readNames(d *xml.Decoder) (q question, err error) {
	var strange strings.Builder
	for count := 0; ; count++ {
		e, err := nextElement(d)
		if err != nil || e == nil {
			q.strange = strange.String()
			return q, err
		}
		if count == namesMost || strings.Contains(e.Name.Local, ":") {
			return q, errQuestion
		}
		if err := d.Skip(); err != nil {
			return q, err
		}
		i := slices.IndexFunc(properties, func(p *property) bool { return e.Name == xml.Name{Space: dav, Local: p.name} })
		if i < 0 {
			if writeStrange(&strange, e.Name); strange.Len() > strangeMost {
				return q, errQuestion
			}
		} else if !slices.Contains(q.of, properties[i]) {
			q.of = append(q.of, properties[i])
		}
	}
}

// writeStrange writes a property that nobody here has, with its name space.
func writeStrange(b *strings.Builder, n xml.Name) {
	if n.Space == dav {
		b.WriteString("<D:" + n.Local + "/>")
		return
	}
	b.WriteString("<" + n.Local + ` xmlns="`)
	_ = xml.EscapeText(b, []byte(n.Space)) // a Builder takes all
	b.WriteString(`"/>`)
}

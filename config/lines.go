package config

import (
	"strconv"
	"strings"
)

// lines maps the path of a key or table, such as "upstream[0].backend[2].weight",
// to the line it starts on.
type lines map[string]int

// find is the line of a path: that of its first table where it is an array of
// them, that of what encloses it where it has none (a missing key, an inline
// table), 0 where nothing does.
func (l lines) find(path string) int {
	if n, ok := l[indexed(path, 0)]; ok {
		return n
	}
	for path != "" {
		if n, ok := l[path]; ok {
			return n
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func indexed(path string, i int) string {
	return path + "[" + strconv.Itoa(i) + "]"
}

// lineFinder walks over a text to find its keys; the library keeps its positions
// to itself. It need only tell keys from values: whatever it gets wrong, in a text
// that is no valid TOML, costs a line number and nothing else.
type lineFinder struct {
	text   string
	pos    int
	line   int
	table  string         // the path of the table that keys now belong to
	tables map[string]int // how many tables each array has so far
	found  lines
	deep   int // the first line that nests deeper than nestingMax, or 0
}

// nestingMax is far beyond our schema. The library calls itself for each level,
// and its memory grows with their square.
const nestingMax = 32

func findLines(text string) (found lines, deep int) {
	f := &lineFinder{text: strings.TrimPrefix(text, "\ufeff"), line: 1, tables: map[string]int{}, found: lines{}}
	for f.skipBlank(); f.pos < len(f.text) && f.deep == 0; f.skipBlank() {
		if f.text[f.pos] == '[' {
			f.header()
		} else {
			f.record(f.key(f.table))
		}
		f.skipValue()
	}
	return f.found, f.deep
}

// header reads [table] or [[array]]. Names on the way to the last one mean the
// newest table of an array.
func (f *lineFinder) header() {
	double := strings.HasPrefix(f.text[f.pos:], "[[")
	f.pos++
	if double {
		f.pos++
	}
	f.table = f.key("")
	if double {
		n := f.tables[f.table]
		f.tables[f.table] = n + 1
		f.table = indexed(f.table, n)
	}
	f.record(f.table)
}

// record notes the line of a path, and of the tables that it brings into being.
func (f *lineFinder) record(path string) {
	for path != "" {
		if _, ok := f.found[path]; ok {
			return
		}
		f.found[path] = f.line
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
}

// key reads a key with dots, up to its '=' or ']', and adds it to the path.
func (f *lineFinder) key(path string) string {
	for parts := 0; f.pos < len(f.text) && f.deep == 0; {
		switch f.text[f.pos] {
		case '=', ']', '\n':
			return path
		case ' ', '\t', '.':
			f.pos++
		default:
			if n := f.tables[path]; n > 0 {
				path = indexed(path, n-1)
			}
			path = join(path, f.name())
			parts++
			f.nested(parts)
		}
	}
	return path
}

// name reads one part of a key. Escapes stay as they are: a key that needs any
// is none of ours.
func (f *lineFinder) name() string {
	start := f.pos
	if c := f.text[f.pos]; c == '"' || c == '\'' {
		f.skipString()
		return strings.Trim(f.text[start:f.pos], `"'`)
	}
	for f.pos < len(f.text) && !strings.ContainsRune(" \t\n.=]", rune(f.text[f.pos])) {
		f.pos++
	}
	return f.text[start:f.pos]
}

func (f *lineFinder) nested(depth int) {
	if depth > nestingMax && f.deep == 0 {
		f.deep = f.line
	}
}

func (f *lineFinder) skipBlank() {
	for f.pos < len(f.text) {
		switch f.text[f.pos] {
		case '\n':
			f.line++
			f.pos++
		case ' ', '\t', '\r':
			f.pos++
		case '#':
			f.skipComment()
		default:
			return
		}
	}
}

func (f *lineFinder) skipComment() {
	for f.pos < len(f.text) && f.text[f.pos] != '\n' {
		f.pos++
	}
}

// skipValue goes to the end of the line that ends the value, past arrays, inline
// tables and strings that span several. The bracket that ends a header opens
// nothing, so depth may go below zero.
func (f *lineFinder) skipValue() {
	for depth := 0; f.pos < len(f.text); {
		switch f.text[f.pos] {
		case '"', '\'':
			f.skipString()
			continue
		case '#':
			f.skipComment()
			continue
		case '[', '{':
			depth++
			f.nested(depth)
		case ']', '}':
			depth--
		case '\n':
			if depth <= 0 {
				return
			}
			f.line++
		}
		f.pos++
	}
}

// skipString goes past a string of any of the four kinds.
func (f *lineFinder) skipString() {
	quote := f.text[f.pos : f.pos+1]
	if long := strings.Repeat(quote, 3); strings.HasPrefix(f.text[f.pos:], long) {
		quote = long
	}
	f.pos += len(quote)
	for f.pos < len(f.text) && !strings.HasPrefix(f.text[f.pos:], quote) {
		if f.text[f.pos] == '\\' && quote[0] == '"' && f.pos+1 < len(f.text) {
			f.pos++
		}
		if f.text[f.pos] == '\n' {
			f.line++
		}
		f.pos++
	}
	f.pos = min(f.pos+len(quote), len(f.text))
	// A long string may end in up to two quotes of its own: """""x""""" is ""x"".
	for len(quote) == 3 && f.pos < len(f.text) && f.text[f.pos] == quote[0] {
		f.pos++
	}
}

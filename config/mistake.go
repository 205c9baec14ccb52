package config

import (
	"slices"
	"strconv"
	"strings"
)

// Mistake is one thing that is wrong with a file.
type Mistake struct {
	File   string
	Line   int    // 0 = the file as a whole
	Column int    // of a syntax error, else 0
	Table  string // as messages call it: `listener "web"`; empty = the top of the file
	Key    string // empty = the table as a whole
	Text   string // what is wrong, and what would be right
}

// String is the mistake as one line: `relay.toml:12: listener "web": upstream: …`.
func (m Mistake) String() string {
	where := m.File
	if m.Line > 0 {
		where += ":" + strconv.Itoa(m.Line)
	}
	if m.Column > 0 {
		where += ":" + strconv.Itoa(m.Column)
	}
	parts := slices.DeleteFunc([]string{where, m.Table, m.Key, m.Text}, func(s string) bool { return s == "" })
	return strings.Join(parts, ": ")
}

// Errors is every mistake of one file, in the order of its lines.
type Errors []Mistake

// Error is one line for each mistake.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, m := range e {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

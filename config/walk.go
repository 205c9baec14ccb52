package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tree is a TOML table as the library hands it over.
type tree = map[string]any

// field is one key of a table that fills a T.
type field[T any] struct {
	name   string
	must   string   // what to write where it is missing; empty = may be missing
	unless string   // the key that makes it one that may be missing, too, unless it is ""
	paths  []string // the keys it brings: its own, or those of its table
	read   func(w *walk, at place, value any, into *T)
}

// walk takes a tree apart and collects what is wrong with it.
type walk struct {
	file     string
	lines    lines
	mistakes Errors
}

// place is where in the file a value stands: its path for the line, and the
// words that messages use.
type place struct {
	path  string // "upstream[0].backend[2].weight"
	table string // `upstream "web": backend 3`
	key   string // "weight"
}

// at is the place of a key in the table p.
func (p place) at(key string) place {
	return place{path: join(p.path, key), table: p.table, key: oneLine(key)}
}

// inside is the place of the table that the key p holds.
func (p place) inside() place {
	return p.named(p.path, p.key)
}

// element is the place of table number i of the array that the key p holds. It
// is called by its name, or by its number from 1 where it has none.
func (p place) element(i int, name string) place {
	title := fmt.Sprintf("%s %d", p.key, i+1)
	if name != "" {
		title = p.key + " " + quote(name)
	}
	return p.named(indexed(p.path, i), title)
}

func (p place) named(path, title string) place {
	if p.table != "" {
		title = p.table + ": " + title
	}
	return place{path: path, table: title}
}

func (w *walk) mistake(at place, format string, args ...any) {
	w.mistakes = append(w.mistakes, Mistake{
		File:  w.file,
		Line:  w.lines.find(at.path),
		Table: at.table,
		Key:   at.key,
		Text:  fmt.Sprintf(format, args...),
	})
}

func (w *walk) sorted() Errors {
	slices.SortStableFunc(w.mistakes, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return w.mistakes
}

// fill reads the table t into a T. It goes by name, not in the order of the map,
// so that the same file always gives the same messages.
func fill[T any](w *walk, at place, t tree, fields []field[T], into *T) {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		i := slices.IndexFunc(fields, func(f field[T]) bool { return f.name == name })
		if i < 0 {
			w.mistake(at.at(name), "unknown key; %s", instead(name, fields))
			continue
		}
		fields[i].read(w, at.at(name), t[name], into)
	}
	for _, f := range fields {
		_, ok := t[f.name]
		instead, there := t[f.unless]
		if !ok && (!there || instead == "") && f.must != "" {
			w.mistake(at.at(f.name), "missing; write %s", f.must)
		}
	}
}

// instead says what an unknown key may have been meant to be.
func instead[T any](name string, fields []field[T]) string {
	var known []string
	for _, f := range fields {
		if len(f.paths) > 0 {
			known = append(known, f.name)
		}
	}
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known here are " + strings.Join(known, ", ")
}

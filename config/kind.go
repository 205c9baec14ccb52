package config

import (
	"fmt"
	"slices"
)

// scalar is a key with one value.
func scalar[T, V any](name string, parse func(any) (V, error), part func(*T) *V) field[T] {
	read := func(w *walk, at place, value any, into *T) {
		v, err := parse(value)
		if err != nil {
			w.mistake(at, "%v", err)
			return
		}
		*part(into) = v
	}
	return field[T]{name: name, paths: []string{name}, read: read}
}

// list is a key with an array of values. Each bad one is a mistake of its own.
func list[T, V any](name string, parse func(any) (V, error), part func(*T) *[]V) field[T] {
	read := func(w *walk, at place, value any, into *T) {
		values, ok := elements(value)
		if !ok {
			w.mistake(at, "%s is not an array; put it in brackets, like %s = [\"…\"]", describe(value), name)
			return
		}
		for _, one := range values {
			v, err := parse(one)
			if err != nil {
				w.mistake(at, "%v", err)
				continue
			}
			*part(into) = append(*part(into), v)
		}
	}
	return field[T]{name: name, paths: []string{name}, read: read}
}

// single is a table that stands once, as [name].
func single[T, V any](name string, fields []field[V], part func(*T) *V) field[T] {
	read := func(w *walk, at place, value any, into *T) {
		switch t := value.(type) {
		case tree:
			fill(w, at.inside(), t, fields, part(into))
		case []tree:
			w.mistake(at, "there is only one; write [%s], with single brackets", name)
		default:
			w.mistake(at, "%s is not a table; write [%s] and its keys below", describe(value), name)
		}
	}
	return field[T]{name: name, paths: below(name, fields), read: read}
}

// repeated is a table that may stand many times, as [[header]]. Each one starts
// as fresh returns it, and is called by the value of its key "name".
func repeated[T, V any](name, header string, fields []field[V], fresh func() V, part func(*T) *[]V) field[T] {
	read := func(w *walk, at place, value any, into *T) {
		tables, ok := tablesOf(value)
		if !ok {
			w.mistake(at, "%s; write [[%s]] and its keys below", notRepeated(value), header)
			return
		}
		for i, t := range tables {
			title, _ := t["name"].(string)
			v := fresh()
			fill(w, at.element(i, title), t, fields, &v)
			*part(into) = append(*part(into), v)
		}
	}
	return field[T]{name: name, paths: below(name, fields), read: read}
}

// within lets the fields of a part stand among those of the whole.
func within[T, V any](fields []field[V], part func(*T) *V) []field[T] {
	all := make([]field[T], len(fields))
	for i, f := range fields {
		read := func(w *walk, at place, value any, into *T) { f.read(w, at, value, part(into)) }
		all[i] = field[T]{name: f.name, must: f.must, unless: f.unless, paths: f.paths, read: read}
	}
	return all
}

// required makes a mistake of a key that is missing, or an array that is empty.
func required[T any](f field[T], write string) field[T] {
	read := f.read
	f.must = write
	f.read = func(w *walk, at place, value any, into *T) {
		if values, ok := elements(value); ok && len(values) == 0 {
			w.mistake(at, "empty; write %s", write)
			return
		}
		read(w, at, value, into)
	}
	return f
}

// unless lets a required key be missing where another one is there, and is not "".
func unless[T any](other string, f field[T]) field[T] {
	f.unless = other
	return f
}

// unlessAll does so for the field of a name, in a copy.
func unlessAll[T any](other string, fields []field[T], name string) []field[T] {
	all := slices.Clone(fields)
	for i := range all {
		if all[i].name == name {
			all[i] = unless(other, all[i])
		}
	}
	return all
}

func below[V any](name string, fields []field[V]) []string {
	var paths []string
	for _, f := range fields {
		for _, p := range f.paths {
			paths = append(paths, join(name, p))
		}
	}
	return paths
}

// elements is an array in either form the library has for one.
func elements(value any) ([]any, bool) {
	switch v := value.(type) {
	case []any:
		return v, true
	case []tree:
		all := make([]any, len(v))
		for i, t := range v {
			all[i] = t
		}
		return all, true
	}
	return nil, false
}

func tablesOf(value any) ([]tree, bool) {
	values, ok := elements(value)
	if !ok {
		return nil, false
	}
	tables := make([]tree, len(values))
	for i, v := range values {
		if tables[i], ok = v.(tree); !ok {
			return nil, false
		}
	}
	return tables, true
}

func notRepeated(value any) string {
	switch value.(type) {
	case tree:
		return "there may be several, so it takes double brackets"
	case []any:
		return "an array of tables is meant"
	}
	return fmt.Sprintf("%s is not a table", describe(value))
}

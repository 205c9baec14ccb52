// Package config turns a TOML file into an immutable snapshot of what the
// operator asked for.
//
// It is plain data: a Config never changes after Load returned it, and nothing
// that runs (health, counters, limits in use) is kept in it. What runs refers to
// its part of the snapshot by identity, the name of a listener, an upstream or a
// drop and the address of a backend, so that a later snapshot can take the place
// of an earlier one.
//
// Loading has three steps: parse the text to a tree (load.go), walk the tree
// against our schema (schema.go, walk.go), check what the values say of each other
// (validate.go, sense.go). The last two report every mistake at once, each with file,
// line, key and what would be right.
//
// A new key is a field of its table's type (config.go, upstream.go and so on), a row
// in schema.go, its default in defaults.go, and its words in relay.toml and
// examples/all-options.toml; a test misses it where it is not documented.
//
// The package imports the TOML library and nothing else of relay's. Start with
// config.go, the types, beside relay.toml, the same in words.
package config

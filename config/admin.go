package config

import (
	"os"

	"github.com/BurntSushi/toml"
)

// ParseAdmin reads the address of an admin interface.
func ParseAdmin(s string) (Address, error) { return adminAddress(s) }

// FindAdmin reads the table [admin] of a file whatever else is wrong with it, for whom
// wants to reach the relay that runs with an earlier version of it.
func FindAdmin(path string) (Admin, bool) {
	c := Default()
	c.File = path
	var root tree
	if data, err := os.ReadFile(path); err != nil || len(data) > fileMax {
		return c.Admin, false
	} else if _, err := toml.Decode(string(data), &root); err != nil {
		return c.Admin, false
	}
	w := &walk{file: path}
	if t, ok := root["admin"].(tree); ok {
		fill(w, place{}, t, adminFields, &c.Admin)
	}
	resolvePaths(c)
	return c.Admin, c.Admin.On() && len(w.mistakes) == 0
}

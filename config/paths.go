package config

import (
	"path/filepath"
	"strings"
)

// resolvePaths makes the relative paths of a file relative to its directory.
func resolvePaths(c *Config) {
	base := filepath.Dir(c.File)
	resolveSocket(base, &c.Admin.Listen)
	c.Admin.TokenFile = resolve(base, c.Admin.TokenFile)
	for i := range c.Listeners {
		resolveSockets(base, c.Listeners[i].Listen)
	}
	for i := range c.Drops {
		resolveSockets(base, c.Drops[i].Listen)
		c.Drops[i].Directory = resolve(base, c.Drops[i].Directory)
		c.Drops[i].TokensFile = resolve(base, c.Drops[i].TokensFile)
		for j := range c.Drops[i].Forwards {
			c.Drops[i].Forwards[j].TokenFile = resolve(base, c.Drops[i].Forwards[j].TokenFile)
		}
	}
	for i := range c.Upstreams {
		for j := range c.Upstreams[i].Backends {
			resolveSocket(base, &c.Upstreams[i].Backends[j].Address)
		}
	}
}

func resolveSockets(base string, addresses []Address) {
	for i := range addresses {
		resolveSocket(base, &addresses[i])
	}
}

// resolveSocket leaves abstract sockets alone: their names are no paths.
func resolveSocket(base string, a *Address) {
	if !a.IsUnix() || strings.HasPrefix(a.Unix, "@") {
		return
	}
	a.Unix = resolve(base, a.Unix)
	// "unix:./@x" is a file, and must not turn abstract when cleaning drops the "./".
	if strings.HasPrefix(a.Unix, "@") {
		a.Unix = "./" + a.Unix
	}
}

// resolve also cleans, so that one path in two spellings is seen to be one.
func resolve(base, path string) string {
	switch {
	case path == "":
		return ""
	case filepath.IsAbs(path):
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}

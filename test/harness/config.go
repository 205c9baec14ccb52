package harness

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// Table is one table of a configuration, key by key as in the file.
type Table = map[string]any

// Config is a configuration to run with. A test starts from Proxy or Drop and
// changes what it is about.
type Config struct {
	Engine    Table
	Log       Table
	Admin     Table
	Listeners []Table
	Upstreams []Table
	Drops     []Table
}

// Proxy is the usual configuration of a test: a listener "web" on a free port,
// in front of an upstream "web" with these backends.
//
// The drain is short, so that a test that leaves sessions open ends soon.
func Proxy(backends ...string) *Config {
	c := &Config{
		Engine:    Table{"drain_timeout": "3s"},
		Log:       Table{"level": "info"},
		Listeners: []Table{{"name": "web", "listen": []string{"127.0.0.1:0"}, "upstream": "web"}},
		Upstreams: []Table{{"name": "web"}},
	}
	return c.SetBackends(backends...)
}

// SetBackends replaces the backends of the first upstream.
func (c *Config) SetBackends(addresses ...string) *Config {
	backends := make([]Table, len(addresses))
	for i, a := range addresses {
		backends[i] = Table{"address": a}
	}
	c.Upstreams[0]["backend"] = backends
	return c
}

// Listener is the first listener.
func (c *Config) Listener() Table { return c.Listeners[0] }

// Upstream is the first upstream.
func (c *Config) Upstream() Table { return c.Upstreams[0] }

// Backend is the i-th backend of the first upstream.
func (c *Config) Backend(i int) Table { return c.Upstreams[0]["backend"].([]Table)[i] }

// String is the configuration as TOML. Empty tables are left out, so that the
// program's own defaults apply.
func (c *Config) String() string {
	tree := Table{}
	for key, t := range map[string]Table{"engine": c.Engine, "log": c.Log, "admin": c.Admin} {
		if len(t) > 0 {
			tree[key] = t
		}
	}
	for key, list := range map[string][]Table{"listener": c.Listeners, "upstream": c.Upstreams, "drop": c.Drops} {
		if len(list) > 0 {
			tree[key] = list
		}
	}
	var text strings.Builder
	if err := toml.NewEncoder(&text).Encode(tree); err != nil {
		panic(err)
	}
	return text.String()
}

package relay

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"relay/config"
	"relay/relay/admin"
	"relay/relay/drop/token"
	"relay/relay/probe"
)

// Named is what a configuration names of the machine, for `relay doctor`.
func Named(c *config.Config) probe.Named {
	var n probe.Named
	listens := func(name string, at ...config.Address) {
		for _, a := range at {
			if a.Unix != "" || a.TCP.Port() != 0 { // not those that the kernel or systemd choose
				n.Addresses = append(n.Addresses, probe.Address{Check: name, TCP: a.TCP, Unix: a.Unix})
			}
		}
	}
	for i := range c.Listeners {
		listens(c.Listeners[i].Name, c.Listeners[i].Listen...)
	}
	for i := range c.Drops {
		listens(c.Drops[i].Name, c.Drops[i].Listen...)
		nameFiles(&n, &c.Drops[i])
	}
	if c.Admin.On() {
		listens("admin", c.Admin.Listen)
	}
	if _, err := os.Stat(c.Admin.TokenFile); c.Admin.Guarded() && err == nil { // else relay makes it
		_, err := admin.ReadToken(c.Admin.TokenFile)
		n.Secrets = append(n.Secrets, probe.Secret{
			Check: "admin: token_file", Path: c.Admin.TokenFile, Err: err, Clear: true,
			Why: "it opens the admin interface",
		})
	}
	return n
}

// nameFiles adds the files that a drop is told to use.
func nameFiles(n *probe.Named, d *config.Drop) {
	if path := d.TokensFile; path != "" {
		_, err := token.Load(path)
		n.Secrets = append(n.Secrets, probe.Secret{
			Check: d.Name + ": tokens_file", Path: path, Err: err,
			Why:  "it says who may do what in the drop; relay does not start without it",
			Mend: "relay token new --name NAME " + path + " makes it",
		})
	}
	for _, f := range d.Forwards {
		if f.TokenFile == "" {
			continue
		}
		n.Secrets = append(n.Secrets, probe.Secret{
			Check: d.Name + ": token_file", Path: f.TokenFile, Err: checkToken(f.TokenFile), Clear: true,
			Why:  "with what is in it files are sent on to " + f.To + "; without it they wait",
			Mend: "write the token into it that `relay token new` said on the other machine",
		})
	}
	if len(d.OnArrival) > 0 {
		n.Programs = append(n.Programs, probe.Program{
			Check: d.Name + ": on_arrival", Path: d.OnArrival[0], Why: "it is run for each file that arrives",
		})
	}
}

// errNoToken is what is said of a file that holds none.
var errNoToken = errors.New("holds no token; write the one into it that `relay token new` said, and nothing else")

// checkToken says what is wrong with a file that holds the token for another relay.
func checkToken(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if words := strings.Fields(string(text)); len(words) != 1 || strings.HasPrefix(words[0], "sha256:") {
		return fmt.Errorf("%s %w", path, errNoToken)
	}
	return nil
}
